"""Sums a session up while its file passes by on its way into the store."""

from __future__ import annotations

import re
from hashlib import sha256

from ctxstore.sources.gemini.content import decode, plain_text
from ctxstore.sources.gemini.records import GeminiElement, GeminiLine, elements_of, read, update_of
from ctxstore.sources.gemini.thread import GeminiThread, ThreadVerdict
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.title import one_line

_COUNTED = frozenset({"user", "assistant", "tool"})
_PATHS = re.compile(r"(?:Directories:\*\*|director(?:y|ies):)((?:[ \t]*\n?[ \t]*-?[ \t]*/[^\n]*)+)")
"""Folders that the text names which a session begins with. The project's is known by its hash."""


def make_scanner(before: Attributes | None) -> RecordScanner[GeminiLine]:
    """A scanner for a session's file, or for what was added to it since `before`."""
    return RecordScanner(read, GeminiTally(before), resumed=before is not None)


class GeminiTally:
    """The attributes of a session. What was added to one may repeat any message, so then they can't be counted."""

    def __init__(self, before: Attributes | None = None) -> None:
        known = before or Attributes(messages=0)
        self._thread = GeminiThread()
        self._messages = known.messages
        self._model = known.model
        self._project = known.project
        self._title = known.title
        self._resumed = before is not None
        self._summary = ""
        self._hash = ""

    def add(self, record: GeminiLine) -> None:
        """The next record that could be understood."""
        update = update_of(record)
        if update and isinstance(update.summary, str):
            self._summary = one_line(update.summary) or self._summary
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
                self._model = record.model

    def attributes(self) -> Attributes:
        """What all of them say."""
        title = self._summary or self._title or None
        return Attributes(title, "Gemini CLI", self._model, self._project, self._messages)

    def _add(self, element: GeminiElement, verdict: ThreadVerdict) -> None:
        if verdict.role == "meta" and element.type == "user" and not self._project:
            self._project = self._find_project(plain_text(decode(element.content)))
        if not verdict.id:
            return
        if self._resumed:
            self._messages = None
        elif verdict.is_new and verdict.role in _COUNTED and self._messages is not None:
            self._messages += 1
        if verdict.role == "user" and not self._title:
            self._title = one_line(plain_text(decode(element.content)))

    def _find_project(self, text: str) -> str | None:
        for match in _PATHS.finditer(text):
            for line in match[1].split("\n"):
                path = line.strip().removeprefix("-").strip()
                if self._hash == sha256(path.encode("utf-8", "surrogatepass")).hexdigest():
                    return path
        return None
