"""The summary of a rollout."""

from __future__ import annotations

from typing import Any

from ctxstore.sources.codex.compressed import Unpacker
from ctxstore.sources.codex.items import texts_of
from ctxstore.sources.codex.records import CONTEXT, EVENT, ITEM, META, CodexLine, Payload, decode_pieces
from ctxstore.sources.codex.title import title_of
from ctxstore.sources.content import string_or_none
from ctxstore.sources.jsonl.reader import value_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.summary import SessionSummary, one_line


def make_scanner(before: Attributes | None = None) -> RecordScanner[CodexLine]:
    """A scanner of a rollout, or of what was added to it since `before`."""
    return RecordScanner(decode_pieces, _CodexSummary("Codex", before))


class PackedScanner:
    """A scanner of a packed rollout. What was added to one can't be read without what precedes it."""

    def __init__(self, before: Attributes | None = None) -> None:
        self._before = before
        self._unpacker = Unpacker()
        self._scanner = make_scanner()

    def feed(self, block: bytes) -> None:
        """The next bytes. Blocks break anywhere."""
        for unpacked in self._unpacker.feed(block):
            self._scanner.feed(unpacked)

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        return self._scanner.finish() if self._before is None else self._before._replace(messages=None)


class _CodexSummary(SessionSummary):
    """The title is the thread's name, else the first text of its user; the model is the last one used."""

    def add(self, record: CodexLine) -> None:
        """Add the next record."""
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
