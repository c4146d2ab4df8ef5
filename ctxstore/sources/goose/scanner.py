"""The summary of a Goose session."""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.content import string_or_none
from ctxstore.sources.goose.records import COUNTED, GooseRecord, read
from ctxstore.sources.goose.transcript import content_of, parts_of
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Scanner
from ctxstore.sources.summary import SessionSummary, one_line

_UNTITLED = ("", "New Chat", "New session", "CLI Session", "ACP Session")


def make_scanner(before: Attributes | None = None) -> Scanner:
    """A scanner of a session, or of what was added to it since `before`."""
    return RecordScanner(read, _GooseSummary("Goose", before))


class _GooseSummary(SessionSummary):
    def add(self, record: GooseRecord) -> None:
        """Add the next line."""
        if record.is_session:
            self._add_session(record)
        role = record.counted_role
        if role in COUNTED:
            self.count_message()
            if role == "user" and not self.title:
                self.set_title(parts_of(content_of(record)))

    def _add_session(self, record: GooseRecord) -> None:
        row = record.values
        titles = (title for title in (row.name, row.description) if isinstance(title, str))
        self.own_title = next((one_line(title) for title in titles if title.strip() not in _UNTITLED), "")
        self.project = self.project or string_or_none(row.working_dir)
        try:
            text = row.model_config_json
            config: Any = msgspec.json.decode(text) if isinstance(text, str) else {}
        except DECODE_ERRORS:
            config = {}
        self.model = string_or_none(config.get("model_name") if isinstance(config, dict) else None) or self.model
