"""A set of object ids with a mark each, made for millions of them: 23 bytes an id, where Python's own take 100."""

from __future__ import annotations

from array import array

from ctxstore.ids import ID_SIZE

UNMARKED = 0
MARKED = 1
MARKED_LATER = 2
"""Marked after `begin_second_marking`: what was taken for dead until then is not."""

_SLOTS_PER_ID = 4 / 3
"""Slots for each id: with more than three quarters of them in use, looking for a free one gets slow."""

_LANES = ID_SIZE // 8


class IdSet:
    """Ids by their first 16 bytes, in an open-addressed table of two lanes of 8.

    Two ids that share these would share their mark, and one of them would not be followed: 2⁻⁸² for ten million
    objects, 2⁶⁴ hashes for who wants it to happen. Eight bytes would not be enough.
    """

    def __init__(self, expected: int = 0) -> None:
        self._allocate(max(1024, int(expected * _SLOTS_PER_ID)))
        self._used = 0
        self._mark = MARKED

    def _allocate(self, size: int) -> None:
        self._first, self._second = array("Q", [0]) * size, array("Q", [0]) * size
        self._marks = bytearray(size)

    def __len__(self) -> int:
        return self._used

    def begin_second_marking(self) -> None:
        """From now on marks are `MARKED_LATER`."""
        self._mark = MARKED_LATER

    def add_all(self, ids: bytes) -> None:
        """Add joined ids, unmarked; those that are there keep their marks."""
        firsts, seconds = _lanes(ids)
        self._reserve(len(firsts))
        first, second = self._first, self._second
        size = len(first)
        for key, more in zip(firsts, seconds, strict=True):
            slot = key % size
            while (found := first[slot]) != key or second[slot] != more:
                if not found:
                    first[slot], second[slot] = key, more
                    self._used += 1
                    break
                slot = (slot + 1) % size

    def mark(self, id: bytes) -> bool | None:
        """Mark an id: True if it was not marked before, None if it is not in the set."""
        (key,), (more,) = _lanes(id)
        first, second = self._first, self._second
        size = len(first)
        slot = key % size
        while (found := first[slot]) != key or second[slot] != more:
            if not found:
                return None
            slot = (slot + 1) % size
        if self._marks[slot]:
            return False
        self._marks[slot] = self._mark
        return True

    def marks(self, ids: bytes) -> bytes:
        """The marks of joined ids, a byte each; 0 for those not in the set."""
        first, second, all_marks = self._first, self._second, self._marks
        size = len(first)
        marks = bytearray()
        for key, more in zip(*_lanes(ids), strict=True):
            slot = key % size
            while (found := first[slot]) and (found != key or second[slot] != more):
                slot = (slot + 1) % size
            marks.append(all_marks[slot] if found else UNMARKED)
        return bytes(marks)

    def _reserve(self, more: int) -> None:
        needed = int((self._used + more) * _SLOTS_PER_ID)
        if needed <= len(self._first):
            return
        old = zip(self._first, self._second, self._marks, strict=True)
        self._allocate(2 * needed)
        first, second, marks = self._first, self._second, self._marks
        size = len(first)
        for key, rest, mark in old:
            if key:
                slot = key % size
                while first[slot]:
                    slot = (slot + 1) % size
                first[slot], second[slot], marks[slot] = key, rest, mark


def _lanes(ids: bytes) -> tuple[list[int], list[int]]:
    """The first and the second 8 bytes of each joined id, as numbers; the first never 0, which is an empty slot."""
    numbers = memoryview(ids).cast("Q")
    firsts: list[int] = numbers[::_LANES].tolist()
    seconds: list[int] = numbers[1::_LANES].tolist()
    return [key or 1 for key in firsts] if 0 in firsts else firsts, seconds
