"""The snippet of a text that shows why it was found, with the hits marked."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from ctxstore.ops.search.query import Term
from ctxstore.ops.search.tokens import UNSPACED

WIDTH = 160
"""The approximate length of a snippet, in characters."""

_LEAD = 50
"""The characters shown before the first hit."""
_MAX_HITS = 500
"""The number of hits that are compared to choose the best snippet."""
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")

_LETTER = f"[^\\W_{UNSPACED}]"


class Snippet(NamedTuple):
    """A snippet: its `text` on one line, and the (start, stop) of each hit in it."""

    text: str
    hits: tuple[tuple[int, int], ...]


class _Hit(NamedTuple):
    """A hit: its position in the text, and the number of the term it matches."""

    start: int
    stop: int
    term: int


def make_snippet(text: str, terms: Sequence[Term], width: int = WIDTH) -> Snippet:
    """Returns the part of `text` that contains the most different terms."""
    hits = _find_hits(text, terms)
    start = max(0, _best_start(hits, width) - _LEAD)
    stop = min(len(text), start + width)
    start, stop = _trim_to_words(text, start, stop)
    return _join_on_one_line(text, start, stop, hits)


def _find_hits(text: str, terms: Sequence[Term]) -> list[_Hit]:
    """Finds the hits of the terms in order of position. Text with very many hits is not searched to its end."""
    folded = _fold(text)
    hits: list[_Hit] = []
    for number, term in enumerate(terms):
        pattern = re.compile(_pattern(term))
        for match in pattern.finditer(folded):
            hits.append(_Hit(match.start(), match.end(), number))
            if len(hits) > _MAX_HITS * (number + 1):
                break
    return sorted(hits)


def _pattern(term: Term) -> str:
    """Returns a regular expression for a term in folded text: whole words, apart from a prefix."""
    words = [_fold(word) for word in term.words]
    first, last = ("" if re.match(f"[{UNSPACED}]", word) else _LETTER for word in (words[0], words[-1]))
    before = f"(?<!{first})" if first else ""
    after = f"(?!{last})" if last and not term.is_prefix else f"{last}{{0,40}}" if last else ""
    return before + r"[\W_]*".join(map(re.escape, words)) + after


def _fold(text: str) -> str:
    """Removes case and accents, as the index does. Every character keeps its position."""
    plain = _NOT_ASCII.sub(_fold_character, text)
    lowered = plain.lower()
    return lowered if len(lowered) == len(text) else plain


@lru_cache(4096)
def _fold_letter(char: str) -> str:
    """Returns a character without case and accents, or unchanged if that would not be one character."""
    base = unicodedata.normalize("NFD", char)[0].lower()
    return base if len(base) == 1 and not "\uac00" <= char <= "\ud7af" else char


def _fold_character(match: re.Match[str]) -> str:
    return _fold_letter(match[0])


def _best_start(hits: list[_Hit], width: int) -> int:
    """Returns the first hit of the window with the most different terms, or 0 if there is no hit."""
    starts = [hit.start for hit in hits]
    best, most = 0, 0
    for index, hit in enumerate(hits[:_MAX_HITS]):
        until = bisect_left(starts, hit.start + width - _LEAD)
        different = len({each.term for each in hits[index : min(until, index + 50)]})
        if different > most:
            best, most = hit.start, different
    return best


def _trim_to_words(text: str, start: int, stop: int) -> tuple[int, int]:
    """Moves both ends of a window inwards to the next space, if there is one within 20 characters."""
    if start:
        space = text.find(" ", start, start + 20)
        start = space + 1 if space >= 0 else start
    if stop < len(text):
        space = text.rfind(" ", stop - 20, stop)
        stop = space if space > start else stop
    return start, stop


def _join_on_one_line(text: str, start: int, stop: int, hits: list[_Hit]) -> Snippet:
    """Builds the snippet from `start` to `stop`. White space becomes single spaces, which moves the hits."""
    snippet = "… " if start else ""
    moved: list[tuple[int, int]] = []
    at = start
    for hit in hits:
        if hit.start >= at and hit.stop <= stop:
            snippet += _collapse_spaces(text[at : hit.start], snippet)
            piece = _collapse_spaces(text[hit.start : hit.stop], snippet)
            moved.append((len(snippet), len(snippet) + len(piece)))
            snippet += piece
            at = hit.stop
    snippet += _collapse_spaces(text[at:stop], snippet)
    return Snippet(snippet.rstrip() + (" …" if stop < len(text) else ""), tuple(moved))


def _collapse_spaces(piece: str, before: str) -> str:
    """Replaces runs of white space in `piece` by one space, and drops a leading one if `before` ends with a space."""
    line = re.sub(r"\s+", " ", piece)
    return line.lstrip() if before == "" or before.endswith(" ") else line
