"""The summary of a session while its records pass by: what a list of contexts shows of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ctxstore.sources.protocol import Attributes, Part

TITLE_LENGTH = 80
_WORDS = TITLE_LENGTH // 2 + 1
"""As many words, with the spaces between them, are always longer than a title."""


class SessionSummary:
    """Computes the summary of a session from its records. Each agent has a subclass with a method `add`.

    - `before`: the attributes of the earlier records. The summary continues from them.
    - `own_title`: the session's own title, which precedes `title`.
    - `title`: a title made from the user's first text.
    - `messages`: the number of messages, or None if only a scan from the start can count them.
    """

    def __init__(self, agent: str, before: Attributes | None = None) -> None:
        known = before or Attributes(messages=0)
        self.agent = agent
        self.is_resumed = before is not None
        self.title, self.model, self.project, self.messages = known.title, known.model, known.project, known.messages
        self.own_title = ""

    def count_message(self) -> None:
        """Counts one more message."""
        if self.messages is not None:
            self.messages += 1

    def set_title(self, parts: Iterable[Part]) -> None:
        """Makes a title from a message's first text, if there is no title yet."""
        if not self.title:
            self.title = first_line(part.text for part in parts if part.kind == "text")

    def attributes(self) -> Attributes:
        """Returns the attributes of all records so far."""
        return Attributes(self.own_title or self.title or None, self.agent, self.model, self.project, self.messages)


def first_line(texts: Iterable[Any]) -> str | None:
    """Returns the first of `texts` that can be a title, on one line."""
    return next(filter(None, map(one_line, texts)), None)


def one_line(text: Any) -> str:
    """Returns the text on one line, cut to `TITLE_LENGTH` characters; empty if it is no text."""
    if not isinstance(text, str):
        return ""
    words = text[: 100 * TITLE_LENGTH].split(None, _WORDS)[:_WORDS]
    line = " ".join(words)
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
