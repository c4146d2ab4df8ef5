"""A Codex session as messages, and its summary.

A rollout has two streams: items are the model's input and output, events are what was shown meanwhile. Events repeat
every message, so items alone are messages, and events are meta.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.codex.compressed import Unpacker
from ctxstore.sources.codex.items import is_written, parts_of, texts_of, title_of, undone_turns
from ctxstore.sources.codex.records import (
    CONTEXT,
    EVENT,
    ITEM,
    META,
    CodexLine,
    Payload,
    RolloutRecord,
    decode_pieces,
    read,
)
from ctxstore.sources.content import string_or_none
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.reader import value_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Message, Part
from ctxstore.sources.summary import SessionSummary, one_line

_REMEMBERED = 1 << 16
"""The number of turns that can be undone."""


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return jsonl.iter_messages(blocks, offset, read, CodexThread().message)


class CodexThread:
    """Follows a conversation line by line, to know the parent and the model of the next message."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._turns: deque[str | None] = deque(maxlen=_REMEMBERED)
        self._model: str | None = None

    def message(self, raw: bytes, found: RolloutRecord, offset: int) -> Message:
        """Returns the message of a record."""
        line, record = found.line, found.record
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
        """Makes the message before the undone turns the next parent. The undone messages stay as a branch."""
        for _ in range(min(count, len(self._turns))):
            self._last = self._turns.pop()


def _id_of(line: CodexLine, payload: Any) -> str | None:
    return _text(payload.get("id")) if line.type == ITEM and isinstance(payload, dict) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def make_scanner(before: Attributes | None = None) -> RecordScanner[CodexLine]:
    """Returns a scanner of a rollout, or of what was added to it since `before`."""
    return RecordScanner(decode_pieces, _CodexSummary("Codex", before))


class PackedScanner:
    """A scanner of a packed rollout. Bytes appended to a packed rollout cannot be read without the bytes before them.

    `inherited` are the attributes of the history that the rollout continues.
    """

    def __init__(self, before: Attributes | None = None, inherited: Attributes | None = None) -> None:
        self._before = before
        self._unpacker = Unpacker()
        self._scanner = make_scanner(inherited)

    def feed(self, block: bytes) -> None:
        """Reads the next bytes. Blocks break anywhere."""
        for unpacked in self._unpacker.feed(block):
            self._scanner.feed(unpacked)

    def finish(self) -> Attributes:
        """Returns the attributes, once the file ended."""
        return self._scanner.finish() if self._before is None else self._before._replace(messages=None)


class _CodexSummary(SessionSummary):
    """The title is the thread's name, else the first text of its user; the model is the last one used."""

    def add(self, record: CodexLine) -> None:
        """Adds the next record."""
        role = record.role
        payload = record.payload
        if role != "meta":
            self.count_message()
            if role == "user" and not self.title and payload is not None:
                self.title = title_of(texts_of(value_of(payload.content))) or None
        elif payload is not None and record.type != ITEM:
            self._note(record.type, payload)

    def _note(self, type: Any, payload: Payload) -> None:
        if type == CONTEXT:
            self.model = string_or_none(value_of(payload.model)) or self.model
        if type in (META, CONTEXT) and not self.project:
            self.project = string_or_none(value_of(payload.cwd))
        elif type == EVENT and payload.type == "thread_name_updated":
            self.own_title = one_line(value_of(payload.thread_name)) or self.own_title
