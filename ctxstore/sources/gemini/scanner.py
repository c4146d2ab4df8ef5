"""The summary of a Gemini session."""

from __future__ import annotations

import re
from hashlib import sha256

from ctxstore.sources.gemini.content import decode, plain_text
from ctxstore.sources.gemini.records import GeminiElement, GeminiLine, elements_of, read, update_of
from ctxstore.sources.gemini.thread import GeminiThread, ThreadVerdict
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.summary import SessionSummary, one_line

_COUNTED = frozenset({"user", "assistant", "tool"})
_PATHS = re.compile(r"(?:Directories:\*\*|director(?:y|ies):)((?:[ \t]*\n?[ \t]*-?[ \t]*/[^\n]*)+)")
"""Folders that the text names which a session begins with. The project's is known by its hash."""


def make_scanner(before: Attributes | None = None) -> RecordScanner[GeminiLine]:
    """A scanner of a session's file, or of what was added to it since `before`."""
    return RecordScanner(read, _GeminiSummary("Gemini CLI", before))


class _GeminiSummary(SessionSummary):
    """What was added to a session may repeat any message, so then they can't be counted."""

    def __init__(self, agent: str, before: Attributes | None) -> None:
        super().__init__(agent, before)
        self._thread = GeminiThread()
        self._hash = ""

    def add(self, record: GeminiLine) -> None:
        """Add the next record."""
        update = update_of(record)
        if update and isinstance(update.summary, str):
            self.own_title = one_line(update.summary) or self.own_title
        if isinstance(record.projectHash, str):
            self._hash = record.projectHash
        verdicts = self._thread.judge_list(record)
        if verdicts and update:
            for element, verdict in zip(elements_of(update.messages), verdicts, strict=True):
                self._add(element, verdict)
        else:
            verdict = self._thread.decode_pieces(record)
            self._add(record, verdict)
            if verdict.role == "assistant" and isinstance(record.model, str):
                self.model = record.model

    def _add(self, element: GeminiElement, verdict: ThreadVerdict) -> None:
        if verdict.role == "meta" and element.type == "user" and not self.project:
            self.project = self._find_project(plain_text(decode(element.content)))
        if not verdict.id:
            return
        if self.is_resumed:
            self.messages = None
        elif verdict.is_new and verdict.role in _COUNTED:
            self.count_message()
        if verdict.role == "user" and not self.title:
            self.title = one_line(plain_text(decode(element.content)))

    def _find_project(self, text: str) -> str | None:
        for match in _PATHS.finditer(text):
            for line in match[1].split("\n"):
                path = line.strip().removeprefix("-").strip()
                if self._hash == sha256(path.encode("utf-8", "surrogatepass")).hexdigest():
                    return path
        return None
