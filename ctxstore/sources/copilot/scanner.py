"""Sums a session's events up while their bytes pass by on their way into the store."""

from __future__ import annotations

from typing import Any

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
    value_of,
)
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.title import one_line

AGENT = "GitHub Copilot CLI"


def events_scanner(before: Attributes | None = None) -> RecordScanner[CopilotLine]:
    """A scanner for a session's events, or for what was added to them."""
    return RecordScanner(decode_pieces, _Tally(before), resumed=before is not None)


class _Tally:
    """The title is what the user wrote first; the model the last one that was chosen, or that answered."""

    def __init__(self, before: Attributes | None) -> None:
        known = before or Attributes(messages=0)
        self._messages = known.messages
        self._title = known.title
        self._project = known.project
        self._model = known.model

    def add(self, record: CopilotLine) -> None:
        """The next event."""
        type = record.type
        if role_of(type) not in ("meta", "unknown") and self._messages is not None:
            self._messages += 1
        if record.data is not None and isinstance(type, str):
            self._note(type, record.data)

    def _note(self, type: str, data: Data) -> None:
        if type == USER and not self._title and value_of(data.source) in (None, "", "user"):
            self._title = one_line(value_of(data.content)) or None
        elif type == ASSISTANT:
            self._model = _text(value_of(data.model)) or self._model
        elif type == MODEL:
            self._model = _text(value_of(data.newModel)) or self._model
        elif type in (START, RESUME):
            self._model = _text(value_of(data.selectedModel)) or self._model
            context = value_of(data.context)
            self._project = self._project or (_text(context.get("cwd")) if isinstance(context, dict) else None)

    def attributes(self) -> Attributes:
        """What all of them say."""
        return Attributes(self._title, AGENT, self._model, self._project, self._messages)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
