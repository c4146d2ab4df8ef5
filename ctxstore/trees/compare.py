"""The comparison of two sequences, without reading the nodes that they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ctxstore.ids import ObjectId
from ctxstore.trees.matching import Match, matches
from ctxstore.trees.sequence import Item, Sequence, count_of


class Difference(NamedTuple):
    """A replaced range: the leaves `old` at position `old_start` became the leaves `new` at position `new_start`.

    Either list may be empty.
    """

    old_start: int
    old: list[Item]
    new_start: int
    new: list[Item]


def differences(old: Sequence, new: Sequence) -> list[Difference]:
    """Returns the differences of two sequences in order, each as narrow as its ends allow.

    Reads only nodes that the sequences do not share.
    """
    if old.id == new.id:
        return []
    left, right = _expand(old, new)
    return list(_regions(old, new, left, right))


_Token = tuple[Item, int]


def _expand(old: Sequence, new: Sequence) -> tuple[list[_Token], list[_Token]]:
    """Returns both sequences as lists of (item, level). A node that is only in one list is replaced by its items."""
    left, right = list(old.tops()), list(new.tops())
    for level in range(max(len(old.levels), len(new.levels)) - 1, 0, -1):
        shared = _nodes(left, level) & _nodes(right, level)
        left = _open_nodes(old, left, level, shared)
        right = _open_nodes(new, right, level, shared)
    return left, right


def _nodes(tokens: list[_Token], level: int) -> set[ObjectId]:
    return {Sequence.node_id(item) for item, at in tokens if at == level}


def _open_nodes(source: Sequence, tokens: list[_Token], level: int, shared: set[ObjectId]) -> list[_Token]:
    opened: list[_Token] = []
    for item, at in tokens:
        if at == level and Sequence.node_id(item) not in shared:
            opened.extend((child, level - 1) for child in source.children(item, level))
        else:
            opened.append((item, at))
    return opened


def _regions(old: Sequence, new: Sequence, left: list[_Token], right: list[_Token]) -> Iterator[Difference]:
    """Yields the ranges between matching tokens."""
    i = j = 0
    positions = [0, 0]
    found = matches([_identity(token) for token in left], [_identity(token) for token in right])
    for k, m, length in (*found, Match(len(left), len(right), 0)):
        a, b = old.flatten(left[i:k]), new.flatten(right[j:m])
        if a or b:
            yield Difference(positions[0], a, positions[1], b)
        shared = sum(count_of(item) for item, _ in left[k : k + length])
        positions = [positions[0] + len(a) + shared, positions[1] + len(b) + shared]
        i, j = k + length, m + length


def _identity(token: _Token) -> tuple[Any, ...]:
    return (token[1], *(part for part in token[0] if isinstance(part, (bytes, int))))
