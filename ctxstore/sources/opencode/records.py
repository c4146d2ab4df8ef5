"""What a line of a session's rows says, for the parser and for the scanner, so that both count the same."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split

_RESTART = '{"table":"'
COUNTED = ("user", "assistant", "system")


class OpenCodeRow(msgspec.Struct, gc=False):
    """The columns that matter. May hold anything: formats change."""

    id: Any = None
    data: Any = None
    type: Any = None
    title: Any = None
    directory: Any = None
    time_created: Any = None


class OpenCodeRecord(msgspec.Struct, gc=False):
    """A row without those that belong to it. `raw` is where it stands."""

    table: Any = None
    row: OpenCodeRow = msgspec.field(default_factory=OpenCodeRow)
    raw: Any = None


class Role(msgspec.Struct, gc=False):
    """What it takes to count a message, and to say which model wrote it."""

    role: Any = None
    modelID: Any = None
    model: Any = None
    parentID: Any = None


_record = msgspec.json.Decoder(OpenCodeRecord)
_role = msgspec.json.Decoder(Role)
_NOTHING = Role()


def read(raw: bytes) -> list[tuple[bytes, OpenCodeRecord | None]]:
    """The pieces of a line, and what each says; ``None`` if it can't be understood. Joined they are `raw`."""
    try:
        return [(raw, _checked(_record.decode(raw), raw))]
    except DECODE_ERRORS:
        return [(piece, _tolerated(piece) if whole else None) for piece, whole in split(raw, _RESTART)]


def role_of(record: OpenCodeRecord) -> tuple[str, Role]:
    """The role of what a row says, as far as it is a message's, and what else its data says.

    Rows of ``session_message`` are messages too, of a later form: the same ones where both are kept.
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
    """The model an assistant's message names."""
    model = data.modelID
    if model is None and isinstance(data.model, dict):
        model = data.model.get("id")
    return model if isinstance(model, str) and model else None


def _checked(record: OpenCodeRecord, raw: bytes) -> OpenCodeRecord | None:
    record.raw = raw
    return record if isinstance(record.table, str) else None


def _tolerated(piece: bytes) -> OpenCodeRecord | None:
    try:
        return _checked(_record.decode(piece), piece)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(piece) or {}
    row = value.get("row")
    known = {key: row[key] for key in OpenCodeRow.__struct_fields__ if key in row} if isinstance(row, dict) else {}
    return _checked(OpenCodeRecord(value.get("table"), OpenCodeRow(**known)), piece)
