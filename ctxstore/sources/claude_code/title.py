"""A session's title, from what its user wrote first."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.claude_code.records import ClaudeLine
from ctxstore.sources.content import parts_of
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient
from ctxstore.sources.summary import one_line

_NOT_WRITTEN = (
    "<bash-",
    "<command-",
    "<ide_",
    "<local-command-",
    "<system-reminder>",
    "<task-notification>",
    "<user-memory-input>",
    "Caveat:",
    "[Request interrupted",
    "This session is being continued from a previous conversation",
)
"""How texts begin that the agent put into the user's mouth."""


def title_of(record: ClaudeLine) -> str:
    """The first text in a user's record that the user wrote, as a title; empty if there is none."""
    if record.type != "user" or record.isMeta:
        return ""
    texts = (part.text.lstrip() for part in parts_of(_content(bytes(record.message))) if part.kind == "text")
    written = (one_line(text) for text in texts if not text.startswith(_NOT_WRITTEN))
    return next(filter(None, written), "")


def _content(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        message = msgspec.json.decode(raw)
    except DECODE_ERRORS:
        message = decode_lenient(raw)
    return message.get("content") if isinstance(message, dict) else message
