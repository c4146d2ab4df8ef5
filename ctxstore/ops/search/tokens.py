"""What of a message is searched, and how it is cut into words. The index and the query go by the same rules.

SQLite's ``unicode61`` makes words of letters and digits: ``parse_config`` is two that follow each other. Scripts
that put no spaces between words are indexed sign by sign, so that any part of a text in them is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ctxstore.sources.protocol import Message, Part

MAX_TEXT = 4 << 20
"""Characters of a message that are searched."""

SIGNS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
"""As a class of a regular expression: Thai, Lao, Burmese, Khmer, kana, Chinese characters, Hangul."""

_SIGN = re.compile(f"([{SIGNS}])")

_BLOB = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
"""Encoded bytes: nobody looks for a word of them, and they would be the better part of the index."""

_NUMBERED = re.compile(r"^ *[0-9]{1,6}\u2192", re.MULTILINE)
"""What tools that print files put before each line."""

_MAX_DEPTH = 32


def searched_text(message: Message) -> str:
    """What a person can find a message by: what was said, thought and given to tools, and what these said."""
    pieces = [piece for part in message.parts for piece in _pieces(part)]
    if not pieces and message.role == "unknown":
        pieces = [message.raw[:MAX_TEXT].decode("utf-8", "replace")]
    return "\n".join(pieces)[:MAX_TEXT]


def _pieces(part: Part) -> Iterator[str]:
    if part.name:
        yield part.name
    if part.text:
        yield part.text
    elif part.data is not None and part.kind != "image":
        yield from _strings(part.data, _MAX_DEPTH)


def _strings(value: Any, depth: int) -> Iterator[str]:
    """The texts in a value, without the keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from _strings(item, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _strings(item, depth - 1)


def indexed_text(text: str) -> str:
    """The text as the index is given it."""
    if len(text) >= 200:
        text = _BLOB.sub(" ", text)
    return text if text.isascii() else split_signs(_NUMBERED.sub("", text))


def split_signs(text: str) -> str:
    """The text with each sign of a script without spaces as a word of its own; nothing that UTF-8 can't hold."""
    return _SIGN.sub(r" \1 ", text).encode("utf-8", "replace").decode()
