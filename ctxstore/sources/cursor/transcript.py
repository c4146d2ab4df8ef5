"""A conversation's pairs, or the command line's transcript → messages: a bubble is one, every other pair is meta."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ctxstore.sources.cursor.content import Bubble, model_of, parts_of_bubble, parts_of_content
from ctxstore.sources.cursor.records import CursorRecord, read, role_of
from ctxstore.sources.cursor.values import bubbles_of, composer_of
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient
from ctxstore.sources.protocol import Message, Part


class Branch:
    """Which bubbles are the conversation: the others were taken back, and may say the same again. All of them are, as
    long as nothing says which."""

    def __init__(self) -> None:
        self._bubbles: frozenset[str] = frozenset()

    def role(self, record: CursorRecord) -> str:
        """The role of a line, after those before it."""
        if record.is_conversation:
            self._bubbles = frozenset(bubbles_of(record.value))
        role = role_of(record)
        return "meta" if record.bubble and self._bubbles and record.bubble not in self._bubbles else role

    @property
    def is_known(self) -> bool:
        """Whether it was said."""
        return bool(self._bubbles)


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    branch = Branch()

    def build(raw: bytes, record: CursorRecord, at: int) -> Message:
        return _message(raw, record, at, branch.role(record))

    return jsonl.iter_messages(blocks, offset, read, build)


def parts_in(record: CursorRecord) -> tuple[Part, ...]:
    """What a message says."""
    return parts_of_bubble(bubble_of(record.value)) if record.bubble else parts_of_content(_body(record.raw))


def bubble_of(value: bytes | str) -> Bubble:
    """A bubble's value; an empty one where there is none."""
    try:
        return _bubble.decode(value)
    except DECODE_ERRORS:
        found = decode_lenient(value.encode("utf-8", "replace") if isinstance(value, str) else value) or {}
    return Bubble(**{name: found[name] for name in Bubble.__struct_fields__ if name in found})


def _body(raw: bytes) -> Any:
    try:
        line = msgspec.json.decode(raw)
    except DECODE_ERRORS:
        line = decode_lenient(raw)
    line = line if isinstance(line, dict) else {}
    message = line.get("message")
    return message.get("content") if isinstance(message, dict) else line.get("content")


_bubble = msgspec.json.Decoder(Bubble)


def _message(raw: bytes, record: CursorRecord, at: int, role: str) -> Message:
    if record.is_conversation:
        title = composer_of(record.value).name
        parts = (Part("text", title),) if isinstance(title, str) and title else ()
        return Message(f"@{at}", role, parts, None, None, raw, at)
    if role in ("meta", "unknown") and not record.bubble:
        return Message(f"@{at}", role, (), None, None, raw, at)
    if not record.bubble:
        return Message(f"@{at}", role, parts_in(record), None, None, raw, at)
    bubble = bubble_of(record.value)
    time = bubble.createdAt if isinstance(bubble.createdAt, str) else None
    model = model_of(bubble) if role == "assistant" else None
    return Message(record.bubble, role, parts_of_bubble(bubble), time, None, raw, at, model)
