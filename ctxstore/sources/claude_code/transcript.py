"""The bytes of a transcript → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.claude_code.records import COUNTED, ClaudeRecord, read
from ctxstore.sources.content import is_tool_answer, parts_of
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.protocol import Message, Part, unknown_message


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return jsonl.iter_messages(blocks, offset, read, _message)


def _message(raw: bytes, record: ClaudeRecord, offset: int) -> Message:
    if not isinstance(record.type, str):
        return unknown_message(raw, offset)
    body = record.message
    return Message(
        _text(record.uuid) or f"@{offset}",
        _role(record),
        _parts(record),
        _text(record.timestamp),
        _text(record.parentUuid) or _text(record.logicalParentUuid),
        raw,
        offset,
        _text(body.model) if body else None,
    )


def _role(record: ClaudeRecord) -> str:
    if record.type == "user" and record.message and is_tool_answer(record.message.content):
        return "tool"
    return str(record.type) if record.type in COUNTED else "meta"


def _parts(record: ClaudeRecord) -> tuple[Part, ...]:
    if record.message:
        return parts_of(record.message.content)
    for text in (record.content, record.summary, record.customTitle, record.subtype):
        if isinstance(text, str) and text:
            return (Part("text", text),)
    return parts_of(record.content)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
