"""What a line says: a pair of the editor's database, or a line of the command line's transcripts."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split

COUNTED = ("user", "assistant", "system")
_TYPES = {1: "user", 2: "assistant"}
_BUBBLE = "bubbleId:"
_COMPOSER = "composerData:"


class Pair(msgspec.Struct, gc=False):
    """A row. May hold anything: formats change."""

    key: Any = None
    value: Any = None
    folder: Any = None


class CursorRecord(msgspec.Struct, gc=False):
    """A line. `raw` is where it stands."""

    table: Any = None
    row: Pair | None = None
    role: Any = None
    raw: Any = None

    @property
    def key(self) -> str:
        """The key of a pair; else empty."""
        return self.row.key if self.row and isinstance(self.row.key, str) else ""

    @property
    def value(self) -> bytes | str:
        """The value of a pair, as text."""
        value = self.row.value if self.row else None
        if isinstance(value, dict) and isinstance(value.get("blob"), str):
            try:
                return b64decode(value["blob"])
            except ValueError:
                return b""
        return value if isinstance(value, str) else b""

    @property
    def is_conversation(self) -> bool:
        """Whether it is the conversation's own value."""
        return self.key.startswith(_COMPOSER)

    @property
    def bubble(self) -> str:
        """The id of what was said; empty for anything else."""
        return self.key.rpartition(":")[2] if self.key.startswith(_BUBBLE) else ""

    @property
    def workspace(self) -> Any:
        """The URI of the folder, of the line that says it."""
        return self.row.folder if self.row and self.table == "workspace" else None


class _Type(msgspec.Struct, gc=False):
    type: Any = None


_record = msgspec.json.Decoder(CursorRecord)
_type = msgspec.json.Decoder(_Type)


def role_of(record: CursorRecord) -> str:
    """The role of what a line says, as far as it is a message's."""
    if record.row is None:
        return record.role if record.role in COUNTED else "meta"
    if not record.bubble:
        return "meta"
    try:
        kind = _type.decode(record.value).type
    except DECODE_ERRORS:
        return "unknown"
    return _TYPES.get(kind, "meta") if type(kind) is int else "meta"


def read(raw: bytes) -> list[tuple[bytes, CursorRecord | None]]:
    """The pieces of a line, and what each says; ``None`` if it can't be understood. Joined they are `raw`."""
    try:
        return [(raw, _checked(_record.decode(raw), raw))]
    except DECODE_ERRORS:
        return [(piece, _tolerated(piece) if whole else None) for piece, whole in split(raw)]


def _checked(record: CursorRecord, raw: bytes) -> CursorRecord | None:
    record.raw = raw
    return record if record.row or isinstance(record.role, str) else None


def _tolerated(piece: bytes) -> CursorRecord | None:
    try:
        return _checked(_record.decode(piece), piece)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(piece) or {}
    row = value.get("row")
    pair = Pair(row.get("key"), row.get("value"), row.get("folder")) if isinstance(row, dict) else None
    return _checked(CursorRecord(value.get("table"), pair, value.get("role")), piece)
