"""Sums a session's rows up while they pass by on their way into the store."""

from __future__ import annotations

import re

from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.opencode.records import COUNTED, OpenCodeRecord, model_of, read, role_of
from ctxstore.sources.opencode.transcript import parts_in
from ctxstore.sources.protocol import Attributes, Scanner
from ctxstore.sources.title import one_line

_UNTITLED = re.compile(r"(New|Child) session - \d{4}-\d\d-\d\dT.*")


def scanner(before: Attributes | None = None) -> Scanner:
    """A scanner of a session's rows, or of those added since `before`."""
    return RecordScanner(read, _Tally(before), resumed=before is not None)


class _Tally:
    """Adds a session's rows up."""

    def __init__(self, before: Attributes | None) -> None:
        known = before or Attributes(messages=0)
        self._title, self._model, self._project = known.title, known.model, known.project
        self._messages = known.messages
        self._resumed = before is not None
        self._own_title = ""
        self._has_messages = False

    def add(self, record: OpenCodeRecord) -> None:
        """The next row."""
        if record.table == "session":
            self._session(record)
        elif record.table == "message":
            self._has_messages = True
            self._message(record)
        elif record.table == "session_message" and not self._has_messages:
            if self._resumed:
                self._messages = None  # whether messages precede decides whether these are the same ones
            self._message(record)

    def attributes(self) -> Attributes:
        """What all of them say."""
        return Attributes(self._own_title or self._title, "OpenCode", self._model, self._project, self._messages)

    def _session(self, record: OpenCodeRecord) -> None:
        row = record.row
        if isinstance(row.title, str) and row.title.strip() and not _UNTITLED.fullmatch(row.title):
            self._own_title = one_line(row.title)
        if isinstance(row.directory, str) and row.directory:
            self._project = self._project or row.directory

    def _message(self, record: OpenCodeRecord) -> None:
        role, data = role_of(record)
        if role not in COUNTED:
            return
        if self._messages is not None:
            self._messages += 1
        if role == "assistant":
            self._model = model_of(data) or self._model
        elif role == "user" and not self._title:
            texts = (one_line(part.text) for part in parts_in(record) if part.kind == "text")
            self._title = next(filter(None, texts), None)
