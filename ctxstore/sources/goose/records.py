"""What a line says: a row of the database, or a line of the older files. For the parser and for the scanner."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split

COUNTED = ("user", "assistant", "system")


class GooseRow(msgspec.Struct, gc=False):
    """The columns, or members, that matter. May hold anything: formats change."""

    role: Any = None
    id: Any = None
    message_id: Any = None
    content_json: Any = None
    created_timestamp: Any = None
    created: Any = None
    name: Any = None
    description: Any = None
    working_dir: Any = None
    model_config_json: Any = None


class GooseRecord(GooseRow, gc=False):
    """A line. A row of the database is in `row`, what the older files have is in the record itself."""

    table: Any = None
    row: GooseRow | None = None
    raw: Any = None

    @property
    def said(self) -> GooseRow:
        """Where the values are."""
        return self.row or self

    @property
    def is_session(self) -> bool:
        """Whether it tells of the session, not of a message."""
        return self.table == "sessions" if self.row else self.role is None and self.working_dir is not None

    @property
    def counted_role(self) -> str:
        """The role of a message, before it is looked whether only tools speak in it; ``meta`` for the rest."""
        is_message = self.table == "messages" if self.row else True
        role = self.said.role
        return role if is_message and role in COUNTED else "meta"


_record = msgspec.json.Decoder(GooseRecord)


def read(raw: bytes) -> list[tuple[bytes, GooseRecord | None]]:
    """The pieces of a line, and what each says; ``None`` if it can't be understood. Joined they are `raw`."""
    try:
        return [(raw, _with(_record.decode(raw), raw))]
    except DECODE_ERRORS:
        return [(piece, _tolerated(piece) if whole else None) for piece, whole in split(raw)]


def _with(record: GooseRecord, raw: bytes) -> GooseRecord | None:
    record.raw = raw
    return record if record.row or record.role is not None or record.is_session else None


def _tolerated(piece: bytes) -> GooseRecord | None:
    try:
        return _with(_record.decode(piece), piece)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(piece) or {}
    row = value.get("row")
    own = {key: value[key] for key in GooseRow.__struct_fields__ if key in value}
    in_row = {key: row[key] for key in GooseRow.__struct_fields__ if key in row} if isinstance(row, dict) else None
    return _with(
        GooseRecord(**own, table=value.get("table"), row=None if in_row is None else GooseRow(**in_row)), piece
    )
