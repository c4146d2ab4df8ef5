"""Records: what a line of a session's file says, however damaged it is.

A line is decoded the same way for the parser and for the scanner, so that both see the same records; what only
the parser needs is left as it is found, and decoded there.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split

_RESTART = '{"$set":'
"""How a record may start. An object inside a record never starts so."""

_NOTHING = msgspec.Raw(b"")


class GeminiElement(msgspec.Struct, gc=False):
    """A message, in a list of messages or in a record of its own. All may hold anything: formats change."""

    id: Any = None
    type: Any = None
    content: msgspec.Raw = _NOTHING
    toolCalls: msgspec.Raw = _NOTHING


class GeminiUpdate(msgspec.Struct, gc=False):
    """What is set about the session; `messages` replaces all that were there."""

    messages: msgspec.Raw = _NOTHING
    summary: Any = None


class GeminiLine(GeminiElement, gc=False, rename={"set": "$set", "rewind_to": "$rewindTo"}):
    """A record: a message, the session's first line, a change of it, or a rewind."""

    timestamp: Any = None
    model: Any = None
    thoughts: msgspec.Raw = _NOTHING
    sessionId: Any = None
    projectHash: Any = None
    messages: msgspec.Raw = _NOTHING
    summary: Any = None
    set: msgspec.Raw = _NOTHING
    rewind_to: Any = None


_line = msgspec.json.Decoder(GeminiLine)
_update = msgspec.json.Decoder(GeminiUpdate)
_elements = msgspec.json.Decoder(list[GeminiElement])
_members = msgspec.json.Decoder(list[msgspec.Raw])


def read(raw: bytes) -> list[tuple[bytes, GeminiLine | None]]:
    """The pieces of a line, and what each says; ``None`` if it can't be understood. Joined they are `raw`."""
    try:
        return [(raw, _line.decode(raw))]
    except DECODE_ERRORS:
        return [(piece, line_of(piece) if whole else None) for piece, whole in split(raw, _RESTART)]


def line_of(piece: bytes) -> GeminiLine | None:
    """What one object says, with all that Python can make of it. A list of messages in it that is damaged says nothing:
    where its members begin can't be told."""
    try:
        return _line.decode(piece)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(piece)
    if value is None:
        return None
    value.pop("messages", None)
    if isinstance(value.get("$set"), dict):
        value["$set"].pop("messages", None)
    try:
        return _line.decode(json.dumps(value))
    except DECODE_ERRORS:
        return None


def update_of(line: GeminiLine) -> GeminiUpdate | None:
    """What the record sets about the session; ``None`` if it is none that does."""
    if bytes(memoryview(line.set)[:1]) == b"{":
        try:
            return _update.decode(line.set)
        except DECODE_ERRORS:
            return None
    if isinstance(line.sessionId, str):
        return GeminiUpdate(line.messages, line.summary)
    return None


def elements_of(messages: msgspec.Raw) -> list[GeminiElement]:
    """The messages of a list; none if it is no list of objects."""
    try:
        return _elements.decode(messages) if messages else []
    except DECODE_ERRORS:
        return []


def places_of(record: bytes, messages: msgspec.Raw) -> list[tuple[int, int]]:
    """Where in `record` each member of its list `messages` begins and ends."""
    found = []
    at = max(record.find(bytes(messages)), 0)
    for member in map(bytes, _members.decode(messages)):
        at = record.index(member, at)
        found.append((at, at + len(member)))
        at += len(member)
    return found
