"""A session's rows → messages: a message's row and its parts are one, every other row is meta."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient
from ctxstore.sources.opencode.content import parts_of, parts_of_later
from ctxstore.sources.opencode.records import OpenCodeRecord, Role, model_of, read, role_of
from ctxstore.sources.protocol import Message, Part


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    has_messages = False

    def build(raw: bytes, record: OpenCodeRecord, at: int) -> Message:
        nonlocal has_messages
        has_messages = has_messages or record.table == "message"
        return _message(raw, record, at, is_copy=record.table == "session_message" and has_messages)

    return jsonl.iter_messages(blocks, offset, read, build)


def parts_in(record: OpenCodeRecord) -> tuple[Part, ...]:
    """What a message's row, or rather the rows of its parts, say."""
    if record.table == "session_message":
        return parts_of_later(_decoded(record.row.data))
    return tuple(part for data in _datas(record.raw) for part in parts_of(_decoded(data)))


def _datas(raw: bytes) -> list[Any]:
    try:
        return [each.row.data for each in _rows.decode(raw).rows]
    except DECODE_ERRORS:
        pass
    rows = (decode_lenient(raw) or {}).get("rows")
    found = [each.get("row") for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
    return [row.get("data") for row in found if isinstance(row, dict)]


def _message(raw: bytes, record: OpenCodeRecord, at: int, *, is_copy: bool) -> Message:
    row = record.row
    id = row.id if isinstance(row.id, str) and row.id and record.table != "session" else f"@{at}"
    role, data = ("meta", Role()) if is_copy else role_of(record)
    parts: tuple[Part, ...] = ()
    if role not in ("meta", "unknown") or record.table == "message":
        parts = parts_in(record)
    elif record.table == "session" and isinstance(row.title, str) and row.title:
        parts = (Part("text", row.title),)
    parent = data.parentID
    parent = parent if isinstance(parent, str) else None
    model = model_of(data) if role == "assistant" else None
    return Message(
        id, role, parts, _time(row.time_created), parent if isinstance(parent, str) else None, raw, at, model
    )


def _time(milliseconds: Any) -> str | None:
    """As JavaScript writes a time."""
    if not isinstance(milliseconds, (int, float)) or not 0 < milliseconds < 1 << 47:
        return None
    found = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _decoded(data: Any) -> dict[str, Any]:
    if not isinstance(data, str):
        return {}
    try:
        value = msgspec.json.decode(data)
    except DECODE_ERRORS:
        value = decode_lenient(data.encode("utf-8", "replace"))
    return value if isinstance(value, dict) else {}


class _Data(msgspec.Struct, gc=False):
    data: Any = None


class _Part(msgspec.Struct, gc=False):
    row: _Data


class _Rows(msgspec.Struct, gc=False):
    rows: list[_Part] = []


_rows = msgspec.json.Decoder(_Rows)
