"""The part of a text that shows why it was found, with the hits marked."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ctxstore.ops.search.query import Term
from ctxstore.ops.search.tokens import SIGNS

WIDTH = 160
"""Characters shown, about."""

_BEFORE = 50
_LOOKED_AT = 500
"""Hits that are weighed."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_LETTER = f"[^\\W_{SIGNS}]"


class Snippet(NamedTuple):
    """`text` on one line; `hits` are (start, stop) in it."""

    text: str
    hits: tuple[tuple[int, int], ...]


def make_snippet(text: str, terms: Sequence[Term], width: int = WIDTH) -> Snippet:
    """The part of `text` with most of the terms."""
    spans = _find(text, terms)
    start = max(0, _best(spans, width) - _BEFORE)
    stop = min(len(text), start + width)
    start, stop = _whole_words(text, start, stop)
    return _on_one_line(text, start, stop, spans)


def _find(text: str, terms: Sequence[Term]) -> list[tuple[int, int, int]]:
    """(start, stop, which term) of hits, in order."""
    folded = _fold(text)
    spans: list[tuple[int, int, int]] = []
    for number, term in enumerate(terms):
        pattern = re.compile(_pattern(term))
        for match in pattern.finditer(folded):
            spans.append((match.start(), match.end(), number))
            if len(spans) > _LOOKED_AT * (number + 1):
                break
    return sorted(spans)


def _pattern(term: Term) -> str:
    words = [_fold(word) for word in term.words]
    first, last = ("" if re.match(f"[{SIGNS}]", word) else _LETTER for word in (words[0], words[-1]))
    before = f"(?<!{first})" if first else ""
    after = f"(?!{last})" if last and not term.is_prefix else f"{last}{{0,40}}" if last else ""
    return before + r"[\W_]*".join(map(re.escape, words)) + after


def _fold(text: str) -> str:
    """As the index compares: without case and accents, every character in its place."""
    plain = _NOT_ASCII.sub(_fold_character, text)
    lowered = plain.lower()
    return lowered if len(lowered) == len(text) else plain


@lru_cache(4096)
def _folded(char: str) -> str:
    base = unicodedata.normalize("NFD", char)[0].lower()
    return base if len(base) == 1 and not "\uac00" <= char <= "\ud7af" else char


def _fold_character(match: re.Match[str]) -> str:
    return _folded(match[0])


def _best(spans: list[tuple[int, int, int]], width: int) -> int:
    """Where the window with most different terms begins; 0 when there is no hit."""
    starts = [start for start, _, _ in spans]
    best, most = 0, 0
    for index, (start, _, _) in enumerate(spans[:_LOOKED_AT]):
        until = bisect_left(starts, start + width - _BEFORE)
        different = len({number for _, _, number in spans[index : min(until, index + 50)]})
        if different > most:
            best, most = start, different
    return best


def _whole_words(text: str, start: int, stop: int) -> tuple[int, int]:
    if start:
        space = text.find(" ", start, start + 20)
        start = space + 1 if space >= 0 else start
    if stop < len(text):
        space = text.rfind(" ", stop - 20, stop)
        stop = space if space > start else stop
    return start, stop


def _on_one_line(text: str, start: int, stop: int, spans: list[tuple[int, int, int]]) -> Snippet:
    """White space becomes one space, so the hits move."""
    shown = "… " if start else ""
    hits: list[tuple[int, int]] = []
    at = start
    for begin, end, _ in spans:
        if begin >= at and end <= stop:
            shown += _plain(text[at:begin], shown)
            hits.append((len(shown), len(shown) + len(_plain(text[begin:end], shown))))
            shown += _plain(text[begin:end], shown)
            at = end
    shown += _plain(text[at:stop], shown)
    return Snippet(shown.rstrip() + (" …" if stop < len(text) else ""), tuple(hits))


def _plain(piece: str, before: str) -> str:
    """The piece with single spaces, and none at its start after another."""
    line = re.sub(r"\s+", " ", piece)
    return line.lstrip() if before == "" or before.endswith(" ") else line
