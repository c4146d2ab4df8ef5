"""A session's rows, or the lines of an older file → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from time import gmtime, strftime
from typing import Any

import msgspec

from ctxstore.sources.goose.content import is_tool_answer, parts_of
from ctxstore.sources.goose.records import GooseRecord, read
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient
from ctxstore.sources.protocol import Message, Part

_MILLISECONDS = 1 << 36
"""Larger times are not in seconds, whatever the version."""


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return jsonl.iter_messages(blocks, offset, read, _message)


def content_of(record: GooseRecord) -> Any:
    """The blocks of a message."""
    try:
        if record.row:
            text = record.row.content_json
            return msgspec.json.decode(text) if isinstance(text, str) else None
        return _body.decode(record.raw).content
    except DECODE_ERRORS:
        return None if record.row else (decode_lenient(record.raw) or {}).get("content")


def _message(raw: bytes, record: GooseRecord | None, offset: int) -> Message:
    if record is None:
        return Message(f"@{offset}", "unknown", (), None, None, raw, offset)
    said, role = record.said, record.counted_role
    parts: tuple[Part, ...] = ()
    if role != "meta":
        content = content_of(record)
        parts = parts_of(content)
        role = "tool" if role == "user" and is_tool_answer(content) else role
    elif record.is_session:
        title = said.name or said.description
        parts = (Part("text", title),) if isinstance(title, str) and title else ()
    id = said.message_id if record.row else said.id
    id = id if isinstance(id, str) and id else f"@{offset}"
    return Message(id, role, parts, _time(said.created_timestamp or said.created), None, raw, offset)


def _time(value: Any) -> str | None:
    if not isinstance(value, (int, float)) or not 0 < value < 1 << 47:
        return None
    return strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(value / 1000 if value > _MILLISECONDS else value))


class _Body(msgspec.Struct):
    content: Any = None


_body = msgspec.json.Decoder(_Body)
