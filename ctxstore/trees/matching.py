"""Equal runs of two sequences, found in a time that does not grow with their square."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple, TypeVar

_SMALL, _ALL_SMALL = 1 << 18, 1 << 22
"""Gaps without any item that is unique on both sides are compared pair by pair if there are no more pairs than this,
and while all such gaps together have no more than that: some seconds at worst."""
_DEEP = 64

T = TypeVar("T", bound=Hashable)


class Match(NamedTuple):
    """`length` equal items, from `old` on in one sequence and from `new` on in the other."""

    old: int
    new: int
    length: int


def matches(old: Sequence[T], new: Sequence[T]) -> list[Match]:
    """Equal runs of both, in order.

    Ends first; then items that occur once on either side hold, as many as are in the same order; then the gaps
    between them likewise. Time grows with the length, not with its square, unless the input is made for it.
    """
    found: list[Match] = []
    left = _ALL_SMALL
    gaps = [(0, len(old), 0, len(new), 0)]
    while gaps:
        a, b, c, d, depth = gaps.pop()
        head = _common(old, new, range(a, b), range(c, d))
        tail = _common(old, new, range(b - 1, a + head - 1, -1), range(d - 1, c + head - 1, -1))
        found += (Match(a, c, head), Match(b - tail, d - tail, tail))
        a, b, c, d = a + head, b - tail, c + head, d - tail
        if a == b or c == d:
            continue
        anchors = _anchors(old, new, range(a, b), range(c, d)) if depth < _DEEP else []
        if anchors:
            starts = [(a, c), *anchors]
            gaps += ((i, k, j, m, depth + 1) for (i, j), (k, m) in zip(starts, [*anchors, (b, d)], strict=True))
        elif (b - a) * (d - c) <= min(_SMALL, left) and not set(old[a:b]).isdisjoint(new[c:d]):
            left -= (b - a) * (d - c)
            found += (Match(a + i, c + j, 1) for i, j in _longest_common(old[a:b], new[c:d]))
    return sorted(match for match in found if match.length)


def _longest_common(old: Sequence[T], new: Sequence[T]) -> Iterator[tuple[int, int]]:
    """Places of a longest common subsequence."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]  # its length from two places on
    for i in range(len(old) - 1, -1, -1):
        item, row, below = old[i], table[i], table[i + 1]
        for j in range(len(new) - 1, -1, -1):
            row[j] = below[j + 1] + 1 if item == new[j] else max(below[j], row[j + 1])
    i = j = 0
    while i < len(old) and j < len(new):
        if old[i] == new[j]:
            yield i, j
            i, j = i + 1, j + 1
        elif table[i + 1][j] >= table[i][j + 1]:
            i += 1
        else:
            j += 1


def _common(old: Sequence[T], new: Sequence[T], ours: range, theirs: range) -> int:
    """How many items are equal from the start of both ranges on."""
    for number, (i, j) in enumerate(zip(ours, theirs, strict=False)):
        if old[i] != new[j]:
            return number
    return min(len(ours), len(theirs))


def _anchors(old: Sequence[T], new: Sequence[T], ours: range, theirs: range) -> list[tuple[int, int]]:
    """Places of items that occur once in each range: the longest series that rises on both sides."""
    left, right = _once(old, ours), _once(new, theirs)
    pairs = [(i, right[item]) for item, i in left.items() if item in right]  # rising on the old side
    ends: list[int] = []
    lasts: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        at = bisect_left(ends, j)
        before.append(lasts[at - 1] if at else -1)
        ends[at : at + 1] = [j]
        lasts[at : at + 1] = [number]
    rising: list[tuple[int, int]] = []
    number = lasts[-1] if lasts else -1
    while number >= 0:
        rising.append(pairs[number])
        number = before[number]
    # Of those next to each other the first is enough: what is equal from there on is found with it.
    return [(i, j) for (i, j), last in zip(rising[::-1], [None, *rising[::-1]], strict=False) if last != (i - 1, j - 1)]


def _once(items: Sequence[T], places: range) -> dict[T, int]:
    """The items that occur once among these places, in order, with their place."""
    found: dict[T, int] = {}
    for place in places:
        found[items[place]] = -1 if items[place] in found else place
    return {item: place for item, place in found.items() if place >= 0}
