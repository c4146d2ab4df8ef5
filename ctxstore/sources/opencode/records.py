"""OpenCode's records: the rows of a session, read the same way by the parser and by the scanner."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.content import string_or_none
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.reader import RecordReader

COUNTED = ("user", "assistant", "system")


class OpenCodeRow(msgspec.Struct, gc=False):
    """The columns that messages and summaries need. All may have any type, because formats change."""

    id: Any = None
    data: Any = None
    type: Any = None
    title: Any = None
    directory: Any = None
    time_created: Any = None


class OpenCodeRecord(msgspec.Struct, gc=False):
    """A row without the rows that belong to it. `raw` is its line."""

    table: Any = None
    row: OpenCodeRow = msgspec.field(default_factory=OpenCodeRow)
    raw: Any = None


class Role(msgspec.Struct, gc=False):
    """The members of a message that decide its role, model, time and folder. Versions before 0.4 had the last three in
    `metadata`."""

    role: Any = None
    modelID: Any = None
    model: Any = None
    parentID: Any = None
    time: Any = None
    path: Any = None
    metadata: Any = None


_role = msgspec.json.Decoder(Role)
_NOTHING = Role()


def role_of(record: OpenCodeRecord) -> tuple[str, Role]:
    """Returns the role of a row and the members of its data. The role is ``meta`` if the row is no message.

    Rows of ``session_message`` are messages too, in a later form. If both forms exist, they contain the same messages.
    """
    if record.table not in ("message", "session_message"):
        return "meta", _NOTHING
    try:
        data = _role.decode(record.row.data) if isinstance(record.row.data, str) else None
    except DECODE_ERRORS:
        data = None
    if data is None:
        return "unknown", _NOTHING
    role = data.role if record.table == "message" else record.row.type
    return (role if role in COUNTED else "meta"), data


def model_of(data: Role) -> str | None:
    """Returns the model an assistant's message names."""
    model = data.modelID
    if model is None and isinstance(data.model, dict):
        model = data.model.get("id")
    return string_or_none(model) or string_or_none(_of_answer(data).get("modelID"))


def folder_of(data: Role) -> str | None:
    """Returns the folder that an assistant's message was written in."""
    for path in (data.path, _of_answer(data).get("path")):
        if isinstance(path, dict) and string_or_none(path.get("cwd")):
            return string_or_none(path["cwd"])
    return None


def created(data: Role) -> Any:
    """Returns the time of a message as its data have it, of any type."""
    metadata = data.metadata if isinstance(data.metadata, dict) else {}
    times = (time for time in (data.time, metadata.get("time")) if isinstance(time, dict))
    return next((time["created"] for time in times if "created" in time), None)


def _of_answer(data: Role) -> dict[str, Any]:
    answer = data.metadata.get("assistant") if isinstance(data.metadata, dict) else None
    return answer if isinstance(answer, dict) else {}


def _accept(record: OpenCodeRecord, raw: bytes) -> OpenCodeRecord | None:
    record.raw = raw
    return record if isinstance(record.table, str) else None


read = RecordReader(OpenCodeRecord, '{"table":"', _accept).read
"""The pieces of a line, each with its record."""
