"""Three-way merging of sequences of hashable items. Pure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from ctxstore.trees.matching import matches

OURS, THEIRS, BOTH = "ours", "theirs", "both"
"""Who changed a region; also, how a conflict is resolved."""
CONFLICT = "conflict"

T = TypeVar("T", bound=Hashable)


class SequenceEdit(NamedTuple, Generic[T]):
    """Items from `start` to `stop` of the base were replaced by `items`."""

    start: int
    stop: int
    items: Sequence[T]


class Region(NamedTuple, Generic[T]):
    """A stretch that is not as in the base, `start` being its place on our side.

    `side` says who made it so: ours, theirs, both alike, or a conflict: each in its own way.
    """

    start: int
    side: str
    ours: Sequence[T]
    theirs: Sequence[T]

    def resolved(self, choice: str = BOTH) -> list[T]:
        """What becomes of it; `choice` decides conflicts: ours, theirs, or both, ours first."""
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
    """The regions that differ from the base, in order. `base` gives its items from a place to another.

    Changes of both sides that overlap or touch are one region. With `split`, what is alike in a conflict is
    taken out of it, and items that both added at the same place are no conflict where only one side has any.
    """
    shift = 0
    for start, stop, mine, other in _clusters(ours, theirs):
        kept = base(start, stop) if mine and other else ()
        left = _applied(mine, start, kept) if mine else ()
        right = _applied(other, start, kept) if other else ()
        at = start + shift
        if not mine:
            yield Region(at, THEIRS, base(start, stop), right)
        elif not other:
            yield Region(at, OURS, left, ())
        elif list(left) == list(right):
            yield Region(at, BOTH, left, right)
        elif split:
            yield from _split(at, left, right, is_added=start == stop)
        else:
            yield Region(at, CONFLICT, left, right)
        shift += sum(len(edit.items) - (edit.stop - edit.start) for edit in mine)


_Cluster = tuple[int, int, list[SequenceEdit[T]], list[SequenceEdit[T]]]


def _clusters(ours: Iterable[SequenceEdit[T]], theirs: Iterable[SequenceEdit[T]]) -> Iterator[_Cluster[T]]:
    """Edits of both sides that overlap or touch, together: (start, stop, ours, theirs)."""
    tagged = sorted(
        [*((edit, 0) for edit in ours), *((edit, 1) for edit in theirs)], key=lambda each: (each[0][:2], each[1])
    )
    start = stop = -1
    sides: tuple[list[SequenceEdit[T]], list[SequenceEdit[T]]] = ([], [])
    for edit, side in tagged:
        if edit.start > stop and any(sides):
            yield start, stop, *sides
            sides = ([], [])
        if not any(sides):
            start, stop = edit.start, edit.stop
        stop = max(stop, edit.stop)
        sides[side].append(edit)
    if any(sides):
        yield start, stop, *sides


def _applied(edits: Sequence[SequenceEdit[T]], start: int, kept: Sequence[T]) -> list[T]:
    """The base's items from `start` on with the edits made."""
    if not kept:
        return [item for edit in edits for item in edit.items]
    made: list[T] = []
    position = start
    for edit in edits:
        made += kept[position - start : edit.start - start]
        made += edit.items
        position = edit.stop
    return [*made, *kept[position - start :]]


def _split(at: int, ours: Sequence[T], theirs: Sequence[T], *, is_added: bool) -> Iterator[Region[T]]:
    i = j = 0
    for k, m, length in (*matches(ours, theirs), (len(ours), len(theirs), 0)):
        left, right = ours[i:k], theirs[j:m]
        one = OURS if left else THEIRS
        side = one if is_added and not (left and right) else CONFLICT
        if left or right:
            yield Region(at + i, side, left, right)
        if length:
            yield Region(at + k, BOTH, ours[k : k + length], theirs[m : m + length])
        i, j = k + length, m + length


def edits(old: Sequence[T], new: Sequence[T]) -> Iterator[SequenceEdit[T]]:
    """What turns one sequence into another."""
    i = j = 0
    for k, m, length in (*matches(old, new), (len(old), len(new), 0)):
        if i < k or j < m:
            yield SequenceEdit(i, k, new[j:m])
        i, j = k + length, m + length
