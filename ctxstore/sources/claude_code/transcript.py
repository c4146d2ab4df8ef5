"""Converts the bytes of a transcript to messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.claude_code.records import ATTACHMENT, Body, ClaudeRecord, queued_prompt, read, role_of
from ctxstore.sources.claude_code.scanner import is_not_written, make_scanner
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
    if type == ATTACHMENT:
        content = queued_prompt(record)
    return Message(
        string_or_none(record.uuid) or f"@{offset}",
        _role(record, content),
        parts_of(content) if content is not None or record.message is not None else _other_parts(record),
        string_or_none(record.timestamp),
        string_or_none(record.parentUuid) or string_or_none(record.logicalParentUuid),
        raw,
        offset,
        string_or_none(model),
    )


def _role(record: ClaudeRecord, content: Any) -> str:
    role = role_of(record)
    if role != "user":
        return role
    if is_tool_answer(content):
        return "tool"
    return "system" if record.isCompactSummary is True or is_not_written(parts_of(content)) else role


def _other_parts(record: ClaudeRecord) -> tuple[Part, ...]:
    """Returns the parts of a record without a message."""
    texts = (record.content, record.summary, record.agentName, record.customTitle, record.aiTitle, record.subtype)
    for text in texts:
        if isinstance(text, str) and text:
            return (Part("text", text),)
    return parts_of(record.content)
