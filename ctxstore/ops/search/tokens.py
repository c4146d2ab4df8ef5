"""The searchable text of a message, and the rules for splitting text into words. Index and query share these rules.

SQLite's tokenizer ``unicode61`` makes words of letters and digits: ``parse_config`` is two consecutive words. In
scripts without spaces between words, each character is a word, so that any part of a text is found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ctxstore.sources.protocol import Message, Part

MAX_TEXT = 4 << 20
"""The characters of a message that are searched. The rest of a longer message is not."""

UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)
"""The characters of scripts without spaces, as a character class of a regular expression.

These are Thai, Lao, Burmese, Khmer, kana, Chinese characters and Hangul.
"""

_UNSPACED_CHARACTER = re.compile(f"([{UNSPACED}])")

_BLOB = re.compile(r"[A-Za-z0-9+/=_-]{200,}")
"""A run of encoded bytes. Nobody searches for them, and they would take up most of the index."""

_NUMBERED = re.compile(r"^ *[0-9]{1,6}\u2192", re.MULTILINE)
"""A line number, as tools that print files write it before each line."""

_MAX_DEPTH = 32


def searched_text(message: Message) -> str:
    """Returns the text by which a message can be found: its text and thinking, and the input and output of tools.

    A message that could not be parsed is searched as plain text.
    """
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
    """Yields the strings in a JSON value, without the keys of objects, down to `depth` levels."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and depth:
        for item in value.values():
            yield from _strings(item, depth - 1)
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _strings(item, depth - 1)


def indexed_text(text: str) -> str:
    """Returns the text that goes into the index: without encoded bytes and line numbers, split for the tokenizer."""
    if len(text) >= 200:
        text = _BLOB.sub(" ", text)
    return text if text.isascii() else split_unspaced(_NUMBERED.sub("", text))


def split_unspaced(text: str) -> str:
    """Puts spaces around each character of a script without spaces. Replaces what UTF-8 cannot encode by ``?``."""
    return _UNSPACED_CHARACTER.sub(r" \1 ", text).encode("utf-8", "replace").decode()
