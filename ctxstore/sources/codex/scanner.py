"""Sums a rollout up while its bytes pass by on their way into the store."""

from __future__ import annotations

from typing import Any

from ctxstore.sources.codex.compressed import Unpacker
from ctxstore.sources.codex.items import texts_of
from ctxstore.sources.codex.records import CONTEXT, EVENT, ITEM, META, CodexLine, Payload, decode_pieces, value_of
from ctxstore.sources.codex.title import title_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.title import one_line

AGENT = "Codex"


def rollout_scanner(before: Attributes | None = None) -> RecordScanner[CodexLine]:
    """A scanner for a rollout, or for what was added to it."""
    return RecordScanner(decode_pieces, _Tally(before), resumed=before is not None)


class PackedScanner:
    """A scanner for a packed rollout. What was added to one can't be read without what precedes it."""

    def __init__(self, before: Attributes | None = None) -> None:
        self._before = before
        self._unpacker = Unpacker()
        self._scanner = rollout_scanner()

    def feed(self, block: bytes) -> None:
        """The next bytes. Blocks break anywhere."""
        for unpacked in self._unpacker.feed(block):
            self._scanner.feed(unpacked)

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        return self._scanner.finish() if self._before is None else self._before._replace(messages=None)


class _Tally:
    """The title is the thread's name, else what its user wrote first; the model the last one used."""

    def __init__(self, before: Attributes | None) -> None:
        known = before or Attributes(messages=0)
        self._messages = known.messages
        self._title = known.title
        self._named = ""
        self._project = known.project
        self._model = known.model

    def add(self, record: CodexLine) -> None:
        """The next record."""
        role = record.role
        payload = record.payload
        if role != "meta":
            if self._messages is not None:
                self._messages += 1
            if role == "user" and not self._title and payload is not None:
                self._title = title_of(texts_of(value_of(payload.content))) or None
        elif payload is not None and record.type != ITEM:
            self._note(record.type, payload)

    def _note(self, type: Any, payload: Payload) -> None:
        if type == CONTEXT:
            self._model = _text(value_of(payload.model)) or self._model
        if type in (META, CONTEXT) and not self._project:
            self._project = _text(value_of(payload.cwd))
        elif type == EVENT and payload.type == "thread_name_updated":
            self._named = one_line(value_of(payload.thread_name)) or self._named

    def attributes(self) -> Attributes:
        """What all of them say."""
        return Attributes(self._named or self._title, AGENT, self._model, self._project, self._messages)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
