"""Records: what a line of a transcript says, however damaged it is.

`decode_pieces` decides which messages a line holds, for the parser and for the scanner, so that both count the same.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split

_RESTART = '{"parentUuid":'
"""How a record starts. An object inside a record never starts so."""

COUNTED = ("user", "assistant", "system")
"""The types of records that are messages between a user, a model and tools."""


class RecordKind(msgspec.Struct, gc=False):
    """What it takes to count records and to know whose a summary is. May hold anything: formats change."""

    type: Any = None
    uuid: Any = None


class _Fields(RecordKind, gc=False):
    """All may hold anything."""

    cwd: Any = None
    isMeta: Any = None
    summary: Any = None
    leafUuid: Any = None
    customTitle: Any = None


class ClaudeLine(_Fields, gc=False):
    """What it takes to sum a transcript up. The message is left undecoded: it is most of the bytes."""

    message: msgspec.Raw = msgspec.Raw(b"")


class Body(msgspec.Struct):
    """A record's ``message``."""

    content: Any = None
    model: Any = None


class ClaudeRecord(_Fields, gc=True):
    """What a `Message` is made of. Decodes all that `ClaudeLine` decodes, so where this works, that does."""

    message: Body | None = None
    parentUuid: Any = None
    logicalParentUuid: Any = None
    timestamp: Any = None
    content: Any = None
    subtype: Any = None


_kind = msgspec.json.Decoder(RecordKind)
_line = msgspec.json.Decoder(ClaudeLine)
_record = msgspec.json.Decoder(ClaudeRecord)

decode_kinds = _kind.decode_lines
"""Many JSON objects at once, at several times the speed of one by one. Line ends mean nothing to it."""


def decode_pieces(raw: bytes) -> list[tuple[bytes, ClaudeLine | None]]:
    """The pieces of a line, and what each says; ``None`` if it can't be understood. Joined they are `raw`.

    A line that decodes as a `RecordKind` is one piece, of that type, even if the text of other fields is damaged:
    it is counted without reading them.
    """
    try:
        return [(raw, _line.decode(raw))]
    except DECODE_ERRORS:
        pass
    try:
        kind = _kind.decode(raw)
    except DECODE_ERRORS:
        return [(piece, _line_of(piece) if whole else None) for piece, whole in split(raw, _RESTART)]
    line = _line_of(raw) or ClaudeLine()
    line.type, line.uuid = kind.type, kind.uuid
    return [(raw, line)]


def read(raw: bytes) -> list[tuple[bytes, ClaudeRecord | None]]:
    """As `decode_pieces`, with all that a message is made of."""
    try:
        return [(raw, _record.decode(raw))]
    except DECODE_ERRORS:
        return [(piece, _record_of(piece, line) if line else None) for piece, line in decode_pieces(raw)]


def _line_of(piece: bytes) -> ClaudeLine | None:
    try:
        return _line.decode(piece)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(piece)
    if value is None:
        return None
    known = {key: value[key] for key in _Fields.__struct_fields__ if key in value}
    try:
        message = msgspec.Raw(json.dumps(value.get("message")).encode())
    except RecursionError:
        message = msgspec.Raw(b"")
    return ClaudeLine(**known, message=message)


def _record_of(piece: bytes, line: ClaudeLine) -> ClaudeRecord:
    try:
        return _record.decode(piece)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(piece) or {}
    record = ClaudeRecord(**{key: value[key] for key in ClaudeRecord.__struct_fields__ if key in value})
    body = value.get("message")
    if isinstance(body, dict):
        record.message = Body(body.get("content"), body.get("model"))
    else:
        record.message = Body(body)
    record.type = line.type
    return record
