"""OpenCode's records: the rows of a session, read the same way by the parser and by the scanner."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.reader import RecordReader

COUNTED = ("user", "assistant", "system")


class OpenCodeRow(msgspec.Struct, gc=False):
    """The columns that matter. All may have any type: formats change."""

    id: Any = None
    data: Any = None
    type: Any = None
    title: Any = None
    directory: Any = None
    time_created: Any = None


class OpenCodeRecord(msgspec.Struct, gc=False):
    """A row without those that belong to it. `raw` is its line."""

    table: Any = None
    row: OpenCodeRow = msgspec.field(default_factory=OpenCodeRow)
    raw: Any = None


class Role(msgspec.Struct, gc=False):
    """The members of a message that decide its role and model."""

    role: Any = None
    modelID: Any = None
    model: Any = None
    parentID: Any = None


_role = msgspec.json.Decoder(Role)
_NOTHING = Role()


def role_of(record: OpenCodeRecord) -> tuple[str, Role]:
    """Returns the role of a row, and the members of its data; ``meta`` if it is no message's.

    Rows of ``session_message`` are messages too, of a later form: the same ones where both exist.
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
    return model if isinstance(model, str) and model else None


def _accept(record: OpenCodeRecord, raw: bytes) -> OpenCodeRecord | None:
    record.raw = raw
    return record if isinstance(record.table, str) else None


read = RecordReader(OpenCodeRecord, '{"table":"', _accept).read
"""The pieces of a line, each with its record."""
