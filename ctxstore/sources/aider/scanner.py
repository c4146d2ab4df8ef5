"""Sums a chat history up while it passes by on its way into the store."""

from __future__ import annotations

import re

from ctxstore.sources.aider.history import ASSISTANT, USER, History, Said
from ctxstore.sources.aider.transcript import text_of
from ctxstore.sources.protocol import Attributes

_ANEW = re.compile(rb"\r?\n\s*# aider chat started at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_TITLE_LENGTH = 80
_MAX_BLANK = 4096


class HistoryScanner:
    """The attributes of a project's chats. After `before` it sees what was added only: if that doesn't begin with a
    session of its own, what precedes decides what its first lines are, and the messages can't be counted."""

    def __init__(self, before: Attributes | None = None) -> None:
        known = before or Attributes(messages=0)
        self._history = History()
        self._messages = known.messages
        self._title, self._model, self._project = known.title, known.model, known.project
        self._first: bytes | None = b"" if before else None

    def feed(self, block: bytes) -> None:
        """The next bytes. Blocks break anywhere."""
        if self._first is not None:
            self._look(self._first + block[:_MAX_BLANK])
        for said in self._history.feed(block):
            self._add(said)

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        for said in self._history.finish():
            self._add(said)
        if self._first:
            self._messages = None
        return Attributes(self._title, "aider", self._model, self._project, self._messages)

    def _look(self, first: bytes) -> None:
        """Whether what was added begins with a session."""
        self._first = first[:_MAX_BLANK]
        if _ANEW.match(first):
            self._first = None
        elif len(first) >= _MAX_BLANK:
            self._first, self._messages = None, None

    def _add(self, said: Said) -> None:
        self._model = said.model or self._model
        if said.kind not in (USER, ASSISTANT):
            return
        if self._messages is not None:
            self._messages += 1
        if said.kind == USER:
            self._title = self._title or _title(text_of(said))


def _title(text: str) -> str | None:
    """The text on one line; none of a command of aider's."""
    line = " ".join(text[: 100 * _TITLE_LENGTH].split())
    if not line or line.startswith("/") or line == "<blank>":
        return None
    return line if len(line) <= _TITLE_LENGTH else line[: _TITLE_LENGTH - 1].rstrip() + "…"
