"""The summary of a Copilot session."""

from __future__ import annotations

from ctxstore.sources.content import string_or_none
from ctxstore.sources.copilot.records import (
    ASSISTANT,
    MODEL,
    RESUME,
    START,
    USER,
    CopilotLine,
    Data,
    decode_pieces,
    role_of,
)
from ctxstore.sources.jsonl.reader import value_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.summary import SessionSummary, one_line


def make_scanner(before: Attributes | None = None) -> RecordScanner[CopilotLine]:
    """A scanner of a session's events, or of what was added to them since `before`."""
    return RecordScanner(decode_pieces, _CopilotSummary("GitHub Copilot CLI", before))


class _CopilotSummary(SessionSummary):
    """The title is the first text of the user; the model is the last one that was chosen, or that answered."""

    def add(self, record: CopilotLine) -> None:
        """Add the next event."""
        type = record.type
        if role_of(type) not in ("meta", "unknown"):
            self.count_message()
        if record.data is not None and isinstance(type, str):
            self._note(type, record.data)

    def _note(self, type: str, data: Data) -> None:
        if type == USER and not self.title and value_of(data.source) in (None, "", "user"):
            self.title = one_line(value_of(data.content)) or None
        elif type == ASSISTANT:
            self.model = string_or_none(value_of(data.model)) or self.model
        elif type == MODEL:
            self.model = string_or_none(value_of(data.newModel)) or self.model
        elif type in (START, RESUME):
            self.model = string_or_none(value_of(data.selectedModel)) or self.model
            context = value_of(data.context)
            self.project = self.project or string_or_none(context.get("cwd") if isinstance(context, dict) else None)
