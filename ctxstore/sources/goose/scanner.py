"""Sums a session up while it passes by on its way into the store."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.goose.content import parts_of
from ctxstore.sources.goose.records import COUNTED, GooseRecord, read
from ctxstore.sources.goose.transcript import content_of
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Scanner
from ctxstore.sources.title import one_line

_UNTITLED = ("", "New Chat", "New session", "CLI Session", "ACP Session")


def scanner(before: Attributes | None = None) -> Scanner:
    """A scanner of a session, or of what was added since `before`."""
    return RecordScanner(read, _Tally(before), resumed=before is not None)


class _Tally:
    """Adds a session's messages up."""

    def __init__(self, before: Attributes | None) -> None:
        known = before or Attributes(messages=0)
        self._title, self._model, self._project = known.title, known.model, known.project
        self._messages = known.messages
        self._own_title = ""

    def add(self, record: GooseRecord) -> None:
        """The next line."""
        if record.is_session:
            self._session(record)
        role = record.counted_role
        if role not in COUNTED:
            return
        if self._messages is not None:
            self._messages += 1
        if role == "user" and not self._title:
            texts = (one_line(part.text) for part in parts_of(content_of(record)) if part.kind == "text")
            self._title = next(filter(None, texts), None)

    def attributes(self) -> Attributes:
        """What all of them say."""
        return Attributes(self._own_title or self._title, "Goose", self._model, self._project, self._messages)

    def _session(self, record: GooseRecord) -> None:
        row = record.said
        titles = (title for title in (row.name, row.description) if isinstance(title, str))
        self._own_title = next((one_line(title) for title in titles if title.strip() not in _UNTITLED), "")
        if isinstance(row.working_dir, str) and row.working_dir:
            self._project = self._project or row.working_dir
        try:
            text = row.model_config_json
            config: Any = msgspec.json.decode(text) if isinstance(text, str) else {}
        except DECODE_ERRORS:
            config = {}
        model = config.get("model_name") if isinstance(config, dict) else None
        self._model = model if isinstance(model, str) and model else self._model
