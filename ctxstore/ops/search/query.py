"""Parsing of a query, and its translation for SQLite. Any text is a valid query: there are no syntax errors."""

from __future__ import annotations

import re
from typing import NamedTuple

from ctxstore.errors import InvalidInput, require_text
from ctxstore.ops.search.tokens import UNSPACED, split_unspaced

MAX_QUERY = 1_000
"""The longest query, in characters."""

MAX_TERMS = 50
"""The most terms of a query."""

_TERM = re.compile(
    r"""(?P<minus>-?)"(?P<phrase>[^"]*)(?:"|\Z)(?P<star>\*?) | (?P<word>[^\s"]+)""",
    re.VERBOSE,
)
_WORD = re.compile(rf"[{UNSPACED}]|[^\W_{UNSPACED}]+")


class Term(NamedTuple):
    """Consecutive words. With `is_prefix`, the last word is only the start of a word."""

    words: tuple[str, ...]
    is_prefix: bool = False


class Query(NamedTuple):
    """A parsed query. A message matches if it contains at least one term of each group, and no `excluded` term."""

    groups: tuple[tuple[Term, ...], ...]
    excluded: tuple[Term, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of all groups."""
        return tuple(term for group in self.groups for term in group)


def parse_query(text: str) -> Query:
    """Parses a query: words that must all occur, ``"phrases"``, ``prefix*``, ``-excluded``, ``this OR that``.

    Raises `InvalidInput` if the query has no word to search for, or is too long.
    """
    require_text(text, "a query")
    if len(text) > MAX_QUERY:
        raise InvalidInput(
            f"the query has {len(text):,} characters, more than the limit of {MAX_QUERY:,}", hint="use fewer words"
        )
    groups: list[list[Term]] = []
    excluded: list[Term] = []
    is_alternative = False
    for match in _TERM.finditer(text):
        if match["word"] == "OR":
            is_alternative = bool(groups)
            continue
        is_excluded, term = _parse_term(match)
        if not term.words:
            continue
        if is_excluded:
            excluded.append(term)
        elif is_alternative:
            groups[-1].append(term)
        else:
            groups.append([term])
        is_alternative = False
    _check_counts(text, len(groups), sum(map(len, groups)) + len(excluded))
    return Query(tuple(map(tuple, groups)), tuple(excluded))


def _parse_term(match: re.Match[str]) -> tuple[bool, Term]:
    """Returns whether the term is excluded, and the term."""
    word = match["word"]
    if word is None:
        return bool(match["minus"]), Term(words_of(match["phrase"]), bool(match["star"]))
    is_excluded = word.startswith("-") and not word.startswith("--")
    return is_excluded, Term(words_of(word), word.endswith("*"))


def _check_counts(text: str, groups: int, terms: int) -> None:
    if not groups:
        raise InvalidInput(f"{text!r} has no word to search for", hint="write a word of letters or digits")
    if terms > MAX_TERMS:
        raise InvalidInput(f"the query has {terms} words, more than the limit of {MAX_TERMS}", hint="use fewer words")


def words_of(text: str) -> tuple[str, ...]:
    """Splits a text into words by the rules of the index."""
    return tuple(_WORD.findall(split_unspaced(text)))


def match_expression(query: Query) -> str:
    """Translates the query to an expression of FTS5, SQLite's full-text search."""
    included = " AND ".join("(" + " OR ".join(map(_quote, group)) + ")" for group in query.groups)
    if not query.excluded:
        return included
    return f"({included}) NOT (" + " OR ".join(map(_quote, query.excluded)) + ")"


def _quote(term: Term) -> str:
    """Quotes a term for FTS5. Words consist of letters and digits only, so nothing needs escaping."""
    return f'"{" ".join(term.words)}"' + (" *" if term.is_prefix else "")
