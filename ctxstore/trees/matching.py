"""A search for the equal runs of two sequences, in time that does not grow with the square of their lengths."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple, TypeVar

_SMALL, _ALL_SMALL = 1 << 18, 1 << 22
"""The limits for gaps without an item that is unique on both sides. Such a gap is compared pair by pair if it has at
most `_SMALL` pairs, until all such gaps together have `_ALL_SMALL` pairs. The worst case takes some seconds."""
_DEEP = 64

T = TypeVar("T", bound=Hashable)


class Match(NamedTuple):
    """A run of `length` equal items. It starts at position `old` in one sequence and `new` in the other."""

    old: int
    new: int
    length: int


def matches(old: Sequence[T], new: Sequence[T]) -> list[Match]:
    """Returns equal runs of both sequences, in order.

    First matches equal items at both ends. Then matches items that occur once on each side, as many as have the same
    order on both. Then treats the gaps between those in the same way. The time grows with the length, not with its
    square, except for inputs constructed to prevent that.
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
    """Yields the positions (in `old`, in `new`) of a longest common subsequence."""
    # table[i][j] is the length of that of old[i:] and new[j:].
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
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
    """Returns how many items are equal at the start of both ranges."""
    for number, (i, j) in enumerate(zip(ours, theirs, strict=False)):
        if old[i] != new[j]:
            return number
    return min(len(ours), len(theirs))


def _anchors(old: Sequence[T], new: Sequence[T], ours: range, theirs: range) -> list[tuple[int, int]]:
    """Returns positions of items that occur once in each range: the longest series that increases on both sides."""
    left, right = _unique_items(old, ours), _unique_items(new, theirs)
    pairs = [(i, right[item]) for item, i in left.items() if item in right]  # increasing on the old side
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
    # Of adjacent pairs the first is enough: the search for equal items continues from it and finds the others.
    return [(i, j) for (i, j), last in zip(rising[::-1], [None, *rising[::-1]], strict=False) if last != (i - 1, j - 1)]


def _unique_items(items: Sequence[T], positions: range) -> dict[T, int]:
    """Returns the items that occur once at these positions, in order, with their position."""
    found: dict[T, int] = {}
    for position in positions:
        found[items[position]] = -1 if items[position] in found else position
    return {item: position for item, position in found.items() if position >= 0}
