"""A set of object ids with a mark for each, made for millions of ids.

It needs 23 bytes per id. Python's own sets need about 100.
"""

from __future__ import annotations

from array import array

from ctxstore.ids import ID_SIZE

UNMARKED = 0
"""The mark of an id that was not marked yet."""
MARKED = 1
"""The mark of the first marking."""
MARKED_LATER = 2
"""The mark after `begin_second_marking`: the object was dead after the first marking and is live now."""

_SLOTS_PER_ID = 4 / 3
"""Slots per id: when more than three quarters of the slots are used, finding a free slot becomes slow."""

_LANES = ID_SIZE // 8
"""The number of 8-byte parts of an id."""


class IdSet:
    """A set of ids, identified by their first 16 bytes, in an open-addressed table with two lanes of 8 bytes.

    Two ids with the same 16 bytes would share a mark, and one of the objects would not be followed. For ten million
    objects the probability is 2⁻⁸². An attacker needs 2⁶⁴ hashes to cause it. Eight bytes would not be enough.
    """

    def __init__(self, expected: int = 0) -> None:
        self._allocate(max(1024, int(expected * _SLOTS_PER_ID)))
        self._used = 0
        self._mark = MARKED

    def _allocate(self, size: int) -> None:
        """Replaces the table by an empty one with `size` slots."""
        self._first, self._second = array("Q", [0]) * size, array("Q", [0]) * size
        self._marks = bytearray(size)

    def __len__(self) -> int:
        return self._used

    def begin_second_marking(self) -> None:
        """Sets all further marks to `MARKED_LATER`."""
        self._mark = MARKED_LATER

    def add_all(self, ids: bytes) -> None:
        """Adds concatenated ids without a mark. Present ids keep their marks."""
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
        """Marks an id. Returns True if it was unmarked before, and None if it is not in the set."""
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
        """Returns the marks of concatenated ids, one byte each. The mark is 0 if an id is not in the set."""
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
        """Enlarges the table if `more` ids would make it too full."""
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
    """Returns the first and the second 8 bytes of each id as numbers. The first is never 0: that is an empty slot."""
    numbers = memoryview(ids).cast("Q")
    firsts: list[int] = numbers[::_LANES].tolist()
    seconds: list[int] = numbers[1::_LANES].tolist()
    return [key or 1 for key in firsts] if 0 in firsts else firsts, seconds
