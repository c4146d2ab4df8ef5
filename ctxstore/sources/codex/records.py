"""Records: what a line of a rollout says, however damaged it is.

A line is ``{timestamp, type, payload}``; the oldest rollouts have the payload alone. `decode_pieces` decides
which messages a line holds and whose they are, for the parser and for the scanner, so that both count the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split

RESTART = '{"timestamp":'
"""How a record starts. An object inside a record never does."""

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
"""What a model said, and what it was given, besides messages. Of any other type: not part of the conversation."""

MESSAGE = "message"


class Payload(msgspec.Struct, gc=False):
    """What it takes to sum a rollout up. All may hold anything: formats change."""

    type: Any = None
    role: Any = None
    cwd: msgspec.Raw = msgspec.Raw(b"")
    model: msgspec.Raw = msgspec.Raw(b"")
    thread_name: msgspec.Raw = msgspec.Raw(b"")
    content: msgspec.Raw = msgspec.Raw(b"")


class CodexLine(msgspec.Struct, gc=False):
    """A record, with what it takes to know whose it is. `role` is that of the message it is."""

    type: Any = None
    payload: Payload | None = None

    @property
    def role(self) -> str:
        """Whose words it is: user, assistant, system, tool; meta if it is part of no conversation."""
        payload = self.payload
        if self.type == ITEM and payload:
            return role_of_item(payload.type, payload.role)
        return "system" if self.type in (COMPACTED, AGENTS) else "meta"


class CodexRecord(msgspec.Struct):
    """A record with all that a `Message` is made of. `payload` may hold anything."""

    type: Any = None
    payload: Any = None
    timestamp: Any = None


def role_of_item(type: Any, role: Any) -> str:
    """Whose an item of a conversation is, by its type and the role it names."""
    if type == MESSAGE:
        return _SPEAKERS.get(role, "meta") if isinstance(role, str) else "meta"
    return _ITEMS.get(type, "meta") if isinstance(type, str) else "meta"


_line = msgspec.json.Decoder(CodexLine)
_payload = msgspec.json.Decoder(Payload)
_record = msgspec.json.Decoder(CodexRecord)
_any = msgspec.json.Decoder()


def decode_pieces(raw: bytes) -> list[tuple[bytes, CodexLine | None]]:
    """The pieces of a line, and what each says; ``None`` if it can't be understood. Joined they are `raw`."""
    try:
        line = _line.decode(raw)
        return [(raw, line if line.payload is not None else _bare(line, _payload.decode(raw)))]
    except DECODE_ERRORS:
        return [(piece, _line_of(piece) if whole else None) for piece, whole in split(raw, RESTART)]


def read(raw: bytes) -> list[tuple[bytes, tuple[CodexLine, CodexRecord] | None]]:
    """As `decode_pieces`, with all that a message is made of."""
    return [(piece, (line, _record_of(piece, line)) if line else None) for piece, line in decode_pieces(raw)]


def _bare(line: CodexLine, payload: Payload) -> CodexLine:
    """A record of the time when an item was a line by itself."""
    known = payload.type == MESSAGE or payload.type in _ITEMS if isinstance(payload.type, str) else False
    return CodexLine(ITEM, payload) if known else line


def _line_of(piece: bytes) -> CodexLine | None:
    value = decode_lenient(piece)
    if value is None:
        return None
    payload = value.get("payload")
    line = CodexLine(value.get("type"), _payload_of(payload) if isinstance(payload, dict) else None)
    return line if payload is not None else _bare(line, _payload_of(value))


def _payload_of(value: dict[str, Any]) -> Payload:
    fields = {name: _raw(value[name]) for name in ("cwd", "model", "thread_name", "content") if name in value}
    return Payload(value.get("type"), value.get("role"), **fields)


def _raw(value: Any) -> msgspec.Raw:
    try:
        return msgspec.Raw(msgspec.json.encode(value))
    except DECODE_ERRORS:
        return msgspec.Raw(b"")


def _record_of(piece: bytes, line: CodexLine) -> CodexRecord:
    try:
        record = _record.decode(piece)
        if line.type == ITEM and record.payload is None:
            record.payload = _any.decode(piece)
        return record
    except DECODE_ERRORS:
        value = decode_lenient(piece) or {}
    payload = value.get("payload")
    return CodexRecord(
        value.get("type"), value if line.type == ITEM and payload is None else payload, value.get("timestamp")
    )
