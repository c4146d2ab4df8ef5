"""Records: what an element of a session's history says, however damaged it is."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient


class ContinueRecord(msgspec.Struct, gc=False):
    """All may hold anything: formats change."""

    message: Any = None
    contextItems: Any = None
    toolCallState: Any = None
    toolCallStates: Any = None
    reasoning: Any = None
    promptLogs: Any = None


_decoder = msgspec.json.Decoder(ContinueRecord)


def read(raw: bytes) -> ContinueRecord | None:
    """What the record says; ``None`` if it is no JSON object."""
    try:
        return _decoder.decode(raw)
    except DECODE_ERRORS:
        pass
    value = decode_lenient(raw)
    if value is None:
        return None
    return ContinueRecord(**{key: value[key] for key in ContinueRecord.__struct_fields__ if key in value})
