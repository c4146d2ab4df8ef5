"""Gemini CLI's records: the lines of a session's file, however damaged they are.

The parser and the scanner decode a line in the same way, so that both find the same records. Members that only the
parser needs stay undecoded here.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.reader import RecordReader

RESTART = '{"$set":'
"""The start of some records. An object inside a record never starts like this."""

_NOTHING = msgspec.Raw(b"")


class GeminiElement(msgspec.Struct, gc=False):
    """A message, as a record or in a list of messages. All members may have any type: formats change."""

    id: Any = None
    type: Any = None
    content: msgspec.Raw = _NOTHING
    parts: msgspec.Raw = _NOTHING
    toolCalls: msgspec.Raw = _NOTHING

    @property
    def said(self) -> msgspec.Raw:
        """The content of the message. Other programs' documents have it as the API does, in `parts`."""
        return self.content or self.parts


class GeminiUpdate(msgspec.Struct, gc=False):
    """A change of the session. `messages` replaces all previous messages."""

    messages: msgspec.Raw = _NOTHING
    summary: Any = None


class GeminiLine(GeminiElement, gc=False, rename={"set": "$set", "rewind_to": "$rewindTo"}):
    """A record: a message, the session's first line, a change of the session, or a rewind."""

    timestamp: Any = None
    model: Any = None
    thoughts: msgspec.Raw = _NOTHING
    sessionId: Any = None
    projectHash: Any = None
    messages: msgspec.Raw = _NOTHING
    summary: Any = None
    set: msgspec.Raw = _NOTHING
    rewind_to: Any = None


def update_of(line: GeminiLine) -> GeminiUpdate | None:
    """Returns the change of the session in a record, or None if it has none."""
    if bytes(memoryview(line.set)[:1]) == b"{":
        try:
            return _updates.decode(line.set)
        except DECODE_ERRORS:
            return None
    if isinstance(line.sessionId, str) or (line.messages and not isinstance(line.id, str)):
        return GeminiUpdate(line.messages, line.summary)
    return None


def elements_of(messages: msgspec.Raw) -> list[GeminiElement]:
    """Returns the messages of a list. A value that is no list of objects has none."""
    try:
        return _elements.decode(messages) if messages else []
    except DECODE_ERRORS:
        return []


def places_of(record: bytes, messages: msgspec.Raw) -> list[tuple[int, int]]:
    """Returns the start and end of each member of the list `messages` in `record`."""
    found = []
    at = max(record.find(bytes(messages)), 0)
    for member in map(bytes, _members.decode(messages)):
        at = record.index(member, at)
        found.append((at, at + len(member)))
        at += len(member)
    return found


def _recover(value: dict[str, Any]) -> GeminiLine | None:
    """Makes a record of a damaged line, without its list of messages: their places in the line are unknown."""
    for place in (value, value.get("$set")):
        if isinstance(place, dict):
            place.pop("messages", None)
    try:
        return msgspec.json.decode(json.dumps(value), type=GeminiLine)
    except DECODE_ERRORS:
        return None


_updates = msgspec.json.Decoder(GeminiUpdate)
_elements = msgspec.json.Decoder(list[GeminiElement])
_members = msgspec.json.Decoder(list[msgspec.Raw])
_reader = RecordReader(GeminiLine, RESTART, recover=_recover)

read = _reader.read
"""Returns the pieces of a line, each with its record, or ``None``. Joined, the pieces are the line."""

line_of = _reader.decode
"""Returns the record of one object; ``None`` if it is none."""
