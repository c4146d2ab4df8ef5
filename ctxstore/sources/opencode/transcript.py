"""An OpenCode session as messages, and its summary. A message's row and its parts are one, other rows are meta."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from ctxstore.sources.content import objects, string, string_or_none, text_parts
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.opencode.records import COUNTED, OpenCodeRecord, Role, created, folder_of, model_of, read, role_of
from ctxstore.sources.protocol import Attributes, Message, Part, Scanner
from ctxstore.sources.summary import SessionSummary, one_line


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    has_messages = False

    def build(raw: bytes, record: OpenCodeRecord, at: int) -> Message:
        nonlocal has_messages
        has_messages = has_messages or record.table == "message"
        return _message(raw, record, at, is_copy=record.table == "session_message" and has_messages)

    return jsonl.iter_messages(blocks, offset, read, build)


def parts_in(record: OpenCodeRecord) -> tuple[Part, ...]:
    """Returns the parts of a message's row, which are rows of their own."""
    if record.table == "session_message":
        return _parts_of_later(_decoded(record.row.data))
    rows = [_decoded(data) for data in _datas(record.raw)]
    return tuple(part for data in rows or _inline(record) for part in _parts_of(data))


def _inline(record: OpenCodeRecord) -> list[dict[str, Any]]:
    """Returns the parts in a message's own file, as versions of early 2025 had them."""
    if record.table != "message" or not isinstance(record.row.data, str) or '"parts"' not in record.row.data:
        return []
    return objects(_decoded(record.row.data).get("parts"))


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
    id = (string(row.id) if record.table != "session" else "") or f"@{at}"
    role, data = ("meta", Role()) if is_copy else role_of(record)
    parts: tuple[Part, ...] = ()
    if role not in ("meta", "unknown") or record.table == "message":
        parts = parts_in(record)
    elif record.table == "session":
        parts = text_parts(row.title)
    parent = data.parentID if isinstance(data.parentID, str) else None
    model = model_of(data) if role == "assistant" else None
    time = _time(row.time_created) or _time(created(data))
    return Message(id, role, parts, time, parent, raw, at, model)


def _parts_of(data: dict[str, Any]) -> Iterator[Part]:
    """Yields the parts in a row of ``part``. A tool's call and its result are one row."""
    kind = data.get("type")
    if kind == "text":
        yield Part("text", string(data.get("text")))
    elif kind == "reasoning":
        yield Part("thinking", string(data.get("text")))
    elif kind == "tool":
        yield from _tool(data)
    elif kind == "tool-invocation":
        yield from _invocation(data)
    elif kind == "file":
        image = string(data.get("mime")).startswith("image/")
        yield Part("image" if image else "other", string(data.get("filename")), data=data)
    else:
        yield Part("other", data=data)


def _parts_of_later(data: dict[str, Any]) -> tuple[Part, ...]:
    """Returns the parts in a row of ``session_message``."""
    found = [Part("text", data["text"])] if isinstance(data.get("text"), str) else []
    for block in objects(data.get("content")):
        found += _parts_of({"tool": block.get("name"), "callID": block.get("id"), **block})
    return tuple(found)


def _tool(data: dict[str, Any]) -> Iterator[Part]:
    state = data.get("state")
    state = state if isinstance(state, dict) else {}
    call = string(data.get("callID"))
    yield Part("tool_use", name=string(data.get("tool")), call=call, data=state.get("input"))
    status = state.get("status")
    if status in ("completed", "error"):
        result = state.get("output") if status == "completed" else state.get("error")
        if result is None:
            result = state.get("content")  # of the later form
        text = result if isinstance(result, str) else "" if result is None else json.dumps(result, ensure_ascii=False)
        yield Part("tool_result", text, call=call, error=status == "error")


def _invocation(data: dict[str, Any]) -> Iterator[Part]:
    """Yields a tool's call and result as versions of early 2025 had them."""
    call = data.get("toolInvocation")
    call = call if isinstance(call, dict) else {}
    id = string(call.get("toolCallId"))
    yield Part("tool_use", name=string(call.get("toolName")), call=id, data=call.get("args"))
    if call.get("state") == "result":
        yield Part("tool_result", string(call.get("result")), call=id)


def _time(milliseconds: Any) -> str | None:
    """Returns a time in the form of JavaScript."""
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


_UNTITLED = re.compile(r"(New|Child) session - \d{4}-\d\d-\d\dT.*")


def make_scanner(before: Attributes | None = None) -> Scanner:
    """Returns a scanner of a session's rows, or of those added since `before`."""
    return RecordScanner(read, _OpenCodeSummary("OpenCode", before))


class _OpenCodeSummary(SessionSummary):
    _has_messages = False

    def add(self, record: OpenCodeRecord) -> None:
        """Adds the next row."""
        if record.table == "session":
            self._add_session(record)
        elif record.table == "message":
            self._has_messages = True
            self._add_message(record)
        elif record.table == "session_message" and not self._has_messages:
            if self.is_resumed:
                self.messages = None  # whether messages precede decides whether these are the same ones
            self._add_message(record)

    def _add_session(self, record: OpenCodeRecord) -> None:
        row = record.row
        if isinstance(row.title, str) and row.title.strip() and not _UNTITLED.fullmatch(row.title):
            self.own_title = one_line(row.title)
        self.project = self.project or string_or_none(row.directory)

    def _add_message(self, record: OpenCodeRecord) -> None:
        role, data = role_of(record)
        if role not in COUNTED:
            return
        self.count_message()
        if role == "assistant":
            self.model = model_of(data) or self.model
            self.project = self.project or folder_of(data)
        elif role == "user" and not self.title:
            self.set_title(parts_in(record))
