"""The bytes of a transcript → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxstore.sources.claude_code.records import COUNTED, Body, ClaudeRecord, read
from ctxstore.sources.claude_code.scanner import make_scanner
from ctxstore.sources.content import is_tool_answer, parts_of, string_or_none
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.protocol import Message, Part, unknown_message

__all__ = ["iter_messages", "make_scanner"]


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Reads the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return jsonl.iter_messages(blocks, offset, read, _message)


def _message(raw: bytes, record: ClaudeRecord, offset: int) -> Message:
    type, content, model = record.type, record.message, None
    if not isinstance(type, str):
        return unknown_message(raw, offset)
    if isinstance(content, Body):
        content, model = content.content, content.model
    role = type if type in COUNTED else "meta"
    return Message(
        string_or_none(record.uuid) or f"@{offset}",
        "tool" if role == "user" and is_tool_answer(content) else role,
        parts_of(content) if record.message is not None else _other_parts(record),
        string_or_none(record.timestamp),
        string_or_none(record.parentUuid) or string_or_none(record.logicalParentUuid),
        raw,
        offset,
        string_or_none(model),
    )


def _other_parts(record: ClaudeRecord) -> tuple[Part, ...]:
    """Returns the parts of a record without a message."""
    for text in (record.content, record.summary, record.customTitle, record.subtype):
        if isinstance(text, str) and text:
            return (Part("text", text),)
    return parts_of(record.content)
