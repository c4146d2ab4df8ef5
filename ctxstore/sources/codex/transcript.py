"""The bytes of a rollout → messages.

A rollout has two streams: items are what the model was sent and said, events what was shown meanwhile. Events repeat
every message, so items alone are messages, and events are meta.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.codex.items import parts_of, undone_turns
from ctxstore.sources.codex.records import CONTEXT, EVENT, ITEM, CodexLine, CodexRecord, read
from ctxstore.sources.codex.title import is_written
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.protocol import Message, Part

_REMEMBERED = 1 << 16
"""How many turns can be undone."""


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return jsonl.iter_messages(blocks, offset, read, CodexThread().message)


class CodexThread:
    """Follows a conversation line by line: which message the next one follows, and which model speaks."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._turns: deque[str | None] = deque(maxlen=_REMEMBERED)
        self._model: str | None = None

    def message(self, raw: bytes, found: tuple[CodexLine, CodexRecord], offset: int) -> Message:
        """The message of a record."""
        line, record = found
        role, payload = line.role, record.payload
        parts = parts_of(line.type, payload)
        id = _id_of(line, payload) or f"@{offset}"
        parent = self._last
        model = self._model if role == "assistant" else None
        self._follow(id, role, parts, line, payload)
        return Message(id, role, parts, _text(record.timestamp), parent, raw, offset, model)

    def _follow(self, id: str, role: str, parts: tuple[Part, ...], line: CodexLine, payload: Any) -> None:
        if role == "meta":
            if line.type == EVENT:
                self._undo(undone_turns(payload))
            elif line.type == CONTEXT and isinstance(payload, dict):
                self._model = _text(payload.get("model")) or self._model
            return
        if role == "user" and any(is_written(part.text) for part in parts if part.kind == "text"):
            self._turns.append(self._last)
        self._last = id

    def _undo(self, count: int) -> None:
        """What follows goes on from before the turns that were undone; they stay where they are, as a branch."""
        for _ in range(min(count, len(self._turns))):
            self._last = self._turns.pop()


def _id_of(line: CodexLine, payload: Any) -> str | None:
    return _text(payload.get("id")) if line.type == ITEM and isinstance(payload, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
