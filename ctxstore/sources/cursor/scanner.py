"""Sums a conversation up while it passes by on its way into the store."""

from __future__ import annotations

from ctxstore.sources.cursor.content import model_of
from ctxstore.sources.cursor.records import COUNTED, CursorRecord, read
from ctxstore.sources.cursor.transcript import Branch, bubble_of, parts_in
from ctxstore.sources.cursor.values import composer_of
from ctxstore.sources.cursor.workspaces import path_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Scanner
from ctxstore.sources.title import one_line


def scanner(before: Attributes | None = None) -> Scanner:
    """A scanner of a conversation, or of what was added since `before`."""
    return RecordScanner(read, _Tally(before), resumed=before is not None)


class _Tally:
    """Adds a conversation's messages up."""

    def __init__(self, before: Attributes | None) -> None:
        known = before or Attributes(messages=0)
        self._title, self._model, self._project = known.title, known.model, known.project
        self._messages = known.messages
        self._resumed = before is not None
        self._own_title = ""
        self._branch = Branch()

    def add(self, record: CursorRecord) -> None:
        """The next line."""
        role = self._branch.role(record)
        if record.is_conversation:
            name = composer_of(record.value).name
            self._own_title = one_line(name) if isinstance(name, str) else ""
        self._project = self._project or path_of(record.workspace)
        if record.bubble and self._resumed and not self._branch.is_known:
            self._messages = None  # what precedes may say which bubbles are the conversation
        if role not in COUNTED:
            return
        if self._messages is not None:
            self._messages += 1
        if role == "user" and not self._title:
            texts = (one_line(part.text) for part in parts_in(record) if part.kind == "text")
            self._title = next(filter(None, texts), None)
        elif role == "assistant" and record.bubble:
            self._model = self._model_of(record) or self._model

    @staticmethod
    def _model_of(record: CursorRecord) -> str | None:
        """Most bubbles name none, and needn't be looked into."""
        value = record.value
        may_name = b"modelInfo" in record.raw or isinstance(value, bytes)
        return model_of(bubble_of(value)) if may_name else None

    def attributes(self) -> Attributes:
        """What all of them say."""
        return Attributes(self._own_title or self._title, "Cursor", self._model, self._project, self._messages)
