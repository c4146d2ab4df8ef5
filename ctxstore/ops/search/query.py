"""What a person writes into what SQLite looks for. Any text is a query: none is an error of its syntax."""

from __future__ import annotations

import re
from typing import NamedTuple

from ctxstore.errors import InvalidInput, require_text
from ctxstore.ops.search.tokens import SIGNS, split_signs

MAX_QUERY = 1_000
"""Characters."""

MAX_TERMS = 50

_TERM = re.compile(
    r"""(?P<minus>-?)"(?P<phrase>[^"]*)(?:"|\Z)(?P<star>\*?) | (?P<word>[^\s"]+)""",
    re.VERBOSE,
)
_WORD = re.compile(rf"[{SIGNS}]|[^\W_{SIGNS}]+")


class Term(NamedTuple):
    """Words that follow each other; the last one only begins like this if it `is_prefix`."""

    words: tuple[str, ...]
    is_prefix: bool = False


class Query(NamedTuple):
    """Of each group at least one term has to be there, and none of those that are `excluded`."""

    groups: tuple[tuple[Term, ...], ...]
    excluded: tuple[Term, ...]

    @property
    def terms(self) -> tuple[Term, ...]:
        """All terms that are looked for."""
        return tuple(term for group in self.groups for term in group)


def parse_query(text: str) -> Query:
    """Words that all have to be there, ``"phrases"``, ``begin*``, ``-without``, ``this OR that``.

    Raises `InvalidInput` when there is no word to look for, or too many.
    """
    require_text(text, "a query")
    if len(text) > MAX_QUERY:
        raise InvalidInput(f"the query has {len(text):,} characters; {MAX_QUERY:,} is the most", hint="use fewer words")
    groups: list[list[Term]] = []
    excluded: list[Term] = []
    is_either = False
    for match in _TERM.finditer(text):
        if match["word"] == "OR":
            is_either = bool(groups)
            continue
        is_excluded, term = _term(match)
        if not term.words:
            continue
        if is_excluded:
            excluded.append(term)
        elif is_either:
            groups[-1].append(term)
        else:
            groups.append([term])
        is_either = False
    _check(text, len(groups), sum(map(len, groups)) + len(excluded))
    return Query(tuple(map(tuple, groups)), tuple(excluded))


def _term(match: re.Match[str]) -> tuple[bool, Term]:
    word = match["word"]
    if word is None:
        return bool(match["minus"]), Term(words_of(match["phrase"]), bool(match["star"]))
    is_excluded = word.startswith("-") and not word.startswith("--")
    return is_excluded, Term(words_of(word), word.endswith("*"))


def _check(text: str, groups: int, terms: int) -> None:
    if not groups:
        raise InvalidInput(f"{text!r} has no word to look for", hint="write a word of letters or digits")
    if terms > MAX_TERMS:
        raise InvalidInput(f"the query has {terms} words; {MAX_TERMS} is the most", hint="use fewer words")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, as the index has them."""
    return tuple(_WORD.findall(split_signs(text)))


def match_expression(query: Query) -> str:
    """The query as FTS5 understands it."""
    groups = ["(" + " OR ".join(map(_quoted, group)) + ")" for group in query.groups]
    wanted = " AND ".join(groups)
    if not query.excluded:
        return wanted
    return f"({wanted}) NOT (" + " OR ".join(map(_quoted, query.excluded)) + ")"


def _quoted(term: Term) -> str:
    """A word has letters and digits only, so there is nothing to escape."""
    return f'"{" ".join(term.words)}"' + (" *" if term.is_prefix else "")
