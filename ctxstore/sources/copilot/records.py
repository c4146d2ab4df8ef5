"""Copilot's records: the events of a session, however damaged their lines are.

A line is ``{type, data, id, timestamp, parentId}``. `decode_pieces` decides which messages a line holds and their
roles, for the parser and for the scanner, so that both count the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.reader import FullReader, RecordReader

RESTART = '{"type":"'
"""The start of an event. An object inside one that was cut short may start so too; it has no event's type."""

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
    """The members that a summary needs. All may have any type: formats change."""

    content: msgspec.Raw = msgspec.Raw(b"")
    source: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")
    model: msgspec.Raw = msgspec.Raw(b"")
    newModel: msgspec.Raw = msgspec.Raw(b"")
    selectedModel: msgspec.Raw = msgspec.Raw(b"")


class CopilotLine(msgspec.Struct, gc=False):
    """An event, with the members that its role depends on."""

    type: Any = None
    data: Data | None = None


class CopilotRecord(msgspec.Struct):
    """An event with all that a `Message` is made of. All may have any type."""

    type: Any = None
    data: Any = None
    id: Any = None
    timestamp: Any = None
    parentId: Any = None


def role_of(type: Any) -> str:
    """Returns the role of events of this type; meta if it is no message's, unknown if it is no type."""
    return _ROLES.get(type, "meta") if isinstance(type, str) else "unknown"


decode_pieces = RecordReader(CopilotLine, RESTART).read
"""The pieces of a line, each with what it takes to count it."""

read = FullReader(CopilotRecord, decode_pieces).read
"""As `decode_pieces`, with all that a message is made of."""
