"""Records: what an event of a session says, however damaged its line is.

A line is ``{type, data, id, timestamp, parentId}``. `decode_pieces` decides which messages a line holds and whose they
are, for the parser and for the scanner, so that both count the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split

RESTART = '{"type":"'
"""How an event starts. An object inside one that was cut short may start so too; it has no event's type."""

START, RESUME, MODEL = "session.start", "session.resume", "session.model_change"
USER, ASSISTANT, RESULT, REQUESTED = (
    "user.message",
    "assistant.message",
    "tool.execution_complete",
    "tool.user_requested",
)
COMPACTED = "session.compaction_complete"

_ROLES = {
    USER: "user",
    ASSISTANT: "assistant",
    RESULT: "tool",
    REQUESTED: "user",
    COMPACTED: "system",
    "system.message": "system",
    "system.notification": "system",
}


class Data(msgspec.Struct, gc=False):
    """What it takes to sum a session up. All may hold anything: formats change."""

    content: msgspec.Raw = msgspec.Raw(b"")
    source: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")
    model: msgspec.Raw = msgspec.Raw(b"")
    newModel: msgspec.Raw = msgspec.Raw(b"")
    selectedModel: msgspec.Raw = msgspec.Raw(b"")


class CopilotLine(msgspec.Struct, gc=False):
    """An event, with what it takes to know whose it is."""

    type: Any = None
    data: Data | None = None


class CopilotRecord(msgspec.Struct):
    """An event with all that a `Message` is made of. All may hold anything."""

    type: Any = None
    data: Any = None
    id: Any = None
    timestamp: Any = None
    parentId: Any = None


_line = msgspec.json.Decoder(CopilotLine)
_record = msgspec.json.Decoder(CopilotRecord)
_any = msgspec.json.Decoder()


def role_of(type: Any) -> str:
    """Whose words an event of this type is: user, assistant, system, tool; meta if nobody's; unknown if it is none."""
    return _ROLES.get(type, "meta") if isinstance(type, str) else "unknown"


def decode_pieces(raw: bytes) -> list[tuple[bytes, CopilotLine | None]]:
    """The pieces of a line, and what each says; ``None`` if it can't be understood. Joined they are `raw`."""
    try:
        return [(raw, _line.decode(raw))]
    except DECODE_ERRORS:
        return [(piece, _line_of(piece) if whole else None) for piece, whole in split(raw, RESTART)]


def read(raw: bytes) -> list[tuple[bytes, CopilotRecord | None]]:
    """As `decode_pieces`, with all that a message is made of."""
    return [(piece, _record_of(piece, line) if line else None) for piece, line in decode_pieces(raw)]


def _line_of(piece: bytes) -> CopilotLine | None:
    value = decode_lenient(piece)
    if value is None:
        return None
    data = value.get("data")
    known = data if isinstance(data, dict) else {}
    fields = {name: _raw(known[name]) for name in Data.__struct_fields__ if name in known}
    return CopilotLine(value.get("type"), Data(**fields) if isinstance(data, dict) else None)


def _raw(value: Any) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except DECODE_ERRORS:
        return msgspec.Raw(b"")


def _record_of(piece: bytes, line: CopilotLine) -> CopilotRecord:
    try:
        return _record.decode(piece)
    except DECODE_ERRORS:
        value = decode_lenient(piece) or {}
    record = CopilotRecord(**{name: value[name] for name in CopilotRecord.__struct_fields__ if name in value})
    record.type = line.type
    return record
