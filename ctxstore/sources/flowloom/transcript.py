"""A FlowLoom session's ``metadata.json`` as one message."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.protocol import Message, Part, unknown_message

LIMIT = 1 << 20
"""Larger metadata are stored unchanged, and not understood."""

TITLES = ("title", "name", "purpose", "description")


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """One message with the whole file; more if it is too large to be understood."""
    held = b""
    for block in blocks:
        held += bytes(block)
        if len(held) > LIMIT:
            yield unknown_message(held, offset)
            offset += len(held)
            held = b""
    if held:
        yield _message(held, offset)


def _message(raw: bytes, offset: int) -> Message:
    value = metadata_of(raw)
    if not value:
        return unknown_message(raw, offset)
    parts = (Part("text", first_text(value, TITLES) or "", data=value),)
    time = first_text(
        value, ("lastActivity", "updatedAt", "updated_at", "created", "createdAt", "created_at", "startTime")
    )
    id = first_text(value, ("sessionId", "session_id", "id")) or f"@{offset}"
    return Message(id, "meta", parts, time, None, raw, offset)


def metadata_of(data: bytes) -> dict[str, Any]:
    """The metadata; empty if they are no JSON object."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def first_text(value: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """The first text among the members called `names`, on one line."""
    found = (value.get(name) for name in names)
    return next((" ".join(each.split())[:80] for each in found if isinstance(each, str) and each.strip()), None)
