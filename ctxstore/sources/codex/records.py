"""Codex's records: the lines of a rollout, however damaged they are.

A line is ``{timestamp, type, payload}``; the oldest rollouts have the payload alone. `decode_pieces` decides which
messages a line holds and their roles, for the parser and for the scanner, so that both count the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import decode_lenient
from ctxstore.sources.jsonl.reader import RecordReader, value_of

RESTART = '{"timestamp":'
"""The start of a record. An object inside a record never starts so."""

ITEM, EVENT, META, CONTEXT, COMPACTED = "response_item", "event_msg", "session_meta", "turn_context", "compacted"
AGENTS = "inter_agent_communication"

_SPEAKERS = {"user": "user", "assistant": "assistant", "developer": "system", "system": "system"}

_ITEMS = {
    "agent_message": "system",
    "reasoning": "assistant",
    "function_call": "assistant",
    "function_call_output": "tool",
    "custom_tool_call": "assistant",
    "custom_tool_call_output": "tool",
    "local_shell_call": "assistant",
    "local_shell_call_output": "tool",
    "mcp_tool_call_output": "tool",
    "tool_search_call": "assistant",
    "tool_search_output": "tool",
    "web_search_call": "assistant",
    "image_generation_call": "assistant",
}
"""The roles of items that are no messages. Items of any other type are not part of the conversation."""

MESSAGE = "message"


class Payload(msgspec.Struct, gc=False):
    """The members that a summary needs. All may have any type: formats change."""

    type: Any = None
    role: Any = None
    cwd: msgspec.Raw = msgspec.Raw(b"")
    model: msgspec.Raw = msgspec.Raw(b"")
    thread_name: msgspec.Raw = msgspec.Raw(b"")
    content: msgspec.Raw = msgspec.Raw(b"")


class CodexLine(msgspec.Struct, gc=False):
    """The members of a record that decide its role."""

    type: Any = None
    payload: Payload | None = None

    @property
    def role(self) -> str:
        """The role of its message: user, assistant, system, tool; meta if it is part of no conversation."""
        payload = self.payload
        if self.type == ITEM and payload:
            return role_of_item(payload.type, payload.role)
        return "system" if self.type in (COMPACTED, AGENTS) else "meta"


class CodexRecord(msgspec.Struct):
    """A record with all that a `Message` is made of. All may have any type."""

    type: Any = None
    payload: Any = None
    timestamp: Any = None


class RolloutRecord(msgspec.Struct):
    """A record in both forms."""

    line: CodexLine
    record: CodexRecord


def role_of_item(type: Any, role: Any) -> str:
    """Returns the role of an item of a conversation, by its type and the role it names."""
    if type == MESSAGE:
        return _SPEAKERS.get(role, "meta") if isinstance(role, str) else "meta"
    return _ITEMS.get(type, "meta") if isinstance(type, str) else "meta"


def _accept(line: CodexLine, raw: bytes) -> CodexLine:
    """Converts a record of old rollouts. In these, a line was the item itself, without ``payload``."""
    if line.payload is None:
        payload = _payloads.decode(raw)
        if payload and isinstance(payload.type, str) and (payload.type == MESSAGE or payload.type in _ITEMS):
            return CodexLine(ITEM, payload)
    return line


_payloads = RecordReader(Payload)
_records = RecordReader(CodexRecord)

decode_pieces = RecordReader(CodexLine, RESTART, _accept).read
"""The pieces of a line, each with what it takes to count it."""


def read(raw: bytes) -> list[tuple[bytes, RolloutRecord | None]]:
    """Decodes the parts of a line as `decode_pieces` does, with all members that a message needs."""
    return [(piece, _complete(piece, line) if line else None) for piece, line in decode_pieces(raw)]


def _complete(piece: bytes, line: CodexLine) -> RolloutRecord:
    record = _records.decode(piece) or CodexRecord()
    if line.type == ITEM and record.payload is None:
        record.payload = value_of(msgspec.Raw(piece)) or decode_lenient(piece)
    return RolloutRecord(line, record)
