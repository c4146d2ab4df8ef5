"""Three-way merging of sequences of hashable items, as pure functions."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from ctxstore.trees.matching import matches

OURS, THEIRS, BOTH = "ours", "theirs", "both"
"""The side that changed a region. Also the choices for resolving a conflict."""
CONFLICT = "conflict"

T = TypeVar("T", bound=Hashable)


class SequenceEdit(NamedTuple, Generic[T]):
    """An edit of the base: the items from `start` to `stop` are replaced by `items`."""

    start: int
    stop: int
    items: Sequence[T]


class Region(NamedTuple, Generic[T]):
    """A region that differs from the base. `start` is its position in our sequence.

    `side` is `OURS` or `THEIRS` if one side changed it, `BOTH` if both made the same change, `CONFLICT` if they made
    different changes.
    """

    start: int
    side: str
    ours: Sequence[T]
    theirs: Sequence[T]

    def resolve(self, choice: str = BOTH) -> list[T]:
        """Returns the merged items. `choice` resolves a conflict: `OURS`, `THEIRS`, or `BOTH` with ours first."""
        side = choice if self.side == CONFLICT else self.side
        if self.side == CONFLICT and choice == BOTH:
            return [*self.ours, *self.theirs]
        return list(self.theirs if side == THEIRS else self.ours)


def merge(
    ours: Iterable[SequenceEdit[T]],
    theirs: Iterable[SequenceEdit[T]],
    base: Callable[[int, int], Sequence[T]],
    *,
    split: bool = True,
) -> Iterator[Region[T]]:
    """Yields the regions that differ from the base, in order. `base(start, stop)` returns items of the base.

    Changes of both sides that overlap or touch form one region. With `split`, equal items in a conflict become regions
    of side `BOTH`. If both sides then inserted items at the same place, items of only one side do not conflict.

    """
    shift = 0
    for start, stop, our_edits, their_edits in _clusters(ours, theirs):
        base_items = base(start, stop) if our_edits and their_edits else ()
        left = _apply(our_edits, start, base_items) if our_edits else ()
        right = _apply(their_edits, start, base_items) if their_edits else ()
        at = start + shift
        if not our_edits:
            yield Region(at, THEIRS, base(start, stop), right)
        elif not their_edits:
            yield Region(at, OURS, left, ())
        elif list(left) == list(right):
            yield Region(at, BOTH, left, right)
        elif split:
            yield from _split(at, left, right, is_added=start == stop)
        else:
            yield Region(at, CONFLICT, left, right)
        shift += sum(len(edit.items) - (edit.stop - edit.start) for edit in our_edits)


_Cluster = tuple[int, int, list[SequenceEdit[T]], list[SequenceEdit[T]]]


def _clusters(ours: Iterable[SequenceEdit[T]], theirs: Iterable[SequenceEdit[T]]) -> Iterator[_Cluster[T]]:
    """Groups edits of both sides that overlap or touch. Yields (start, stop, our edits, their edits)."""
    tagged = [*((edit, 0) for edit in ours), *((edit, 1) for edit in theirs)]
    start = stop = -1
    sides: tuple[list[SequenceEdit[T]], list[SequenceEdit[T]]] = ([], [])
    for edit, side in sorted(tagged, key=lambda each: (each[0].start, each[0].stop, each[1])):
        if edit.start > stop and any(sides):
            yield start, stop, *sides
            sides = ([], [])
        if not any(sides):
            start, stop = edit.start, edit.stop
        stop = max(stop, edit.stop)
        sides[side].append(edit)
    if any(sides):
        yield start, stop, *sides


def _apply(edits: Sequence[SequenceEdit[T]], start: int, base_items: Sequence[T]) -> list[T]:
    """Applies edits to `base_items`, the base's items from `start` on. If empty, returns the edits' items alone."""
    if not base_items:
        return [item for edit in edits for item in edit.items]
    merged: list[T] = []
    position = start
    for edit in edits:
        merged += base_items[position - start : edit.start - start]
        merged += edit.items
        position = edit.stop
    return [*merged, *base_items[position - start :]]


def _split(at: int, ours: Sequence[T], theirs: Sequence[T], *, is_added: bool) -> Iterator[Region[T]]:
    """Splits a conflict at our position `at` into regions with equal items and regions with different ones.

    `is_added` means that both sides only added items and replaced none of the base. Items of only one side are then no
    conflict.
    """
    i = j = 0
    for k, m, length in (*matches(ours, theirs), (len(ours), len(theirs), 0)):
        left, right = ours[i:k], theirs[j:m]
        only_side = OURS if left else THEIRS
        side = only_side if is_added and not (left and right) else CONFLICT
        if left or right:
            yield Region(at + i, side, left, right)
        if length:
            yield Region(at + k, BOTH, ours[k : k + length], theirs[m : m + length])
        i, j = k + length, m + length


def edits(old: Sequence[T], new: Sequence[T]) -> Iterator[SequenceEdit[T]]:
    """Yields the edits that turn `old` into `new`."""

    i = j = 0
    for k, m, length in (*matches(old, new), (len(old), len(new), 0)):
        if i < k or j < m:
            yield SequenceEdit(i, k, new[j:m])
        i, j = k + length, m + length
