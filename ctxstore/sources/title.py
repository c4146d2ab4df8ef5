"""A title from a text, the same way for every source."""

from __future__ import annotations

from typing import Any

TITLE_LENGTH = 80
_WORDS = TITLE_LENGTH // 2 + 1
"""As many words, with the spaces between them, are always longer than a title."""


def one_line(text: Any) -> str:
    """The text on one line, cut to `TITLE_LENGTH` characters; empty if it is no text."""
    if not isinstance(text, str):
        return ""
    words = text[: 100 * TITLE_LENGTH].split(None, _WORDS)[:_WORDS]
    line = " ".join(words)
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
