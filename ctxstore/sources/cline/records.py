"""Records: what an element of a task's history says, however damaged it is.

Three shapes: messages as Anthropic's API takes them, with the agent's own fields beside
(``api_conversation_history.json``, ``<session>.messages.json``); the same with the parts of the AI SDK (Roo Code's
version 2); what the window shows (``ui_messages.json``).
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient


class TaskRecord(msgspec.Struct, gc=False):
    """All may hold anything: formats change."""

    role: Any = None
    content: Any = None
    id: Any = None
    ts: Any = None
    type: Any = None
    modelInfo: Any = None
    model: Any = None
    summary: Any = None
    say: Any = None
    ask: Any = None
    text: Any = None
    reasoning: Any = None


_decoder = msgspec.json.Decoder(TaskRecord)


def read(raw: bytes) -> TaskRecord | None:
    """What the record says; ``None`` if it is no JSON object."""
    try:
        return _decoder.decode(raw)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(raw)
    if value is None:
        return None
    return TaskRecord(**{key: value[key] for key in TaskRecord.__struct_fields__ if key in value})
