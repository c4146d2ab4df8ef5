"""The summary of an OpenCode session."""

from __future__ import annotations

import re

from ctxstore.sources.content import string_or_none
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.opencode.records import COUNTED, OpenCodeRecord, model_of, read, role_of
from ctxstore.sources.opencode.transcript import parts_in
from ctxstore.sources.protocol import Attributes, Scanner
from ctxstore.sources.summary import SessionSummary, one_line

_UNTITLED = re.compile(r"(New|Child) session - \d{4}-\d\d-\d\dT.*")


def make_scanner(before: Attributes | None = None) -> Scanner:
    """A scanner of a session's rows, or of those added since `before`."""
    return RecordScanner(read, _OpenCodeSummary("OpenCode", before))


class _OpenCodeSummary(SessionSummary):
    _has_messages = False

    def add(self, record: OpenCodeRecord) -> None:
        """Add the next row."""
        if record.table == "session":
            self._add_session(record)
        elif record.table == "message":
            self._has_messages = True
            self._add_message(record)
        elif record.table == "session_message" and not self._has_messages:
            if self.is_resumed:
                self.messages = None  # whether messages precede decides whether these are the same ones
            self._add_message(record)

    def _add_session(self, record: OpenCodeRecord) -> None:
        row = record.row
        if isinstance(row.title, str) and row.title.strip() and not _UNTITLED.fullmatch(row.title):
            self.own_title = one_line(row.title)
        self.project = self.project or string_or_none(row.directory)

    def _add_message(self, record: OpenCodeRecord) -> None:
        role, data = role_of(record)
        if role not in COUNTED:
            return
        self.count_message()
        if role == "assistant":
            self.model = model_of(data) or self.model
        elif role == "user" and not self.title:
            self.set_title(parts_in(record))
