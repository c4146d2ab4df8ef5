"""The summary of a Cursor conversation."""

from __future__ import annotations

from ctxstore.sources.cursor.records import COUNTED, CursorRecord, read
from ctxstore.sources.cursor.transcript import Branch, bubble_of, model_of, parts_in
from ctxstore.sources.cursor.values import composer_of
from ctxstore.sources.cursor.workspaces import path_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Scanner
from ctxstore.sources.summary import SessionSummary, one_line


def make_scanner(before: Attributes | None = None) -> Scanner:
    """A scanner of a conversation, or of what was added to it since `before`."""
    return RecordScanner(read, _CursorSummary("Cursor", before))


class _CursorSummary(SessionSummary):
    def __init__(self, agent: str, before: Attributes | None) -> None:
        super().__init__(agent, before)
        self._branch = Branch()

    def add(self, record: CursorRecord) -> None:
        """Add the next line."""
        role = self._branch.role(record)
        if record.is_conversation:
            self.own_title = one_line(composer_of(record.value).name)
        self.project = self.project or path_of(record.workspace)
        if record.bubble and self.is_resumed and not self._branch.is_known:
            self.messages = None  # what precedes may say which bubbles are the conversation
        if role not in COUNTED:
            return
        self.count_message()
        if role == "user" and not self.title:
            self.set_title(parts_in(record))
        elif role == "assistant" and record.bubble:
            self.model = _model_of(record) or self.model


def _model_of(record: CursorRecord) -> str | None:
    """The model a bubble names. Most name none, and need not be decoded."""
    value = record.value
    may_name = b"modelInfo" in record.raw or isinstance(value, bytes)
    return model_of(bubble_of(value)) if may_name else None
