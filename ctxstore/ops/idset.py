"""A set of object ids with a mark each, made for millions of them: 14 bytes an id, where Python's own take 100."""

from __future__ import annotations

import sys
from array import array

UNMARKED = 0
MARKED = 1
AGAIN = 2
"""Marked after `begin_again`: what was taken for dead until then is not."""

_SPARE = 5 / 3
"""Slots for each id: with more than 60 % of them in use, looking for a free one gets slow."""


class IdSet:
    """Ids by their first 8 bytes, in an open-addressed table. Two ids that share these share their mark.

    For marking that is safe: the more is marked, the more is kept.
    """

    def __init__(self, expected: int = 0) -> None:
        size = 1 << max(10, int(expected * _SPARE).bit_length())
        self._slots = array("Q", [0]) * size
        self._marks = bytearray(size)
        self._used = 0
        self._mark = MARKED

    def __len__(self) -> int:
        return self._used

    def begin_again(self) -> None:
        """From now on marks are `AGAIN`."""
        self._mark = AGAIN

    def add_all(self, ids: bytes) -> None:
        """Add joined ids, unmarked; those that are there keep their marks."""
        keys = _keys(ids)
        self._make_room(len(keys))
        slots = self._slots
        mask = len(slots) - 1
        for key in keys:
            slot = key & mask
            while (found := slots[slot]) != key:
                if not found:
                    slots[slot] = key
                    self._used += 1
                    break
                slot = (slot + 1) & mask

    def take(self, id: bytes) -> bool | None:
        """Mark an id: True if it was not marked before, None if it is not in the set."""
        key = int.from_bytes(id[:8], sys.byteorder) or 1
        slots = self._slots
        mask = len(slots) - 1
        slot = key & mask
        while (found := slots[slot]) != key:
            if not found:
                return None
            slot = (slot + 1) & mask
        if self._marks[slot]:
            return False
        self._marks[slot] = self._mark
        return True

    def marks(self, ids: bytes) -> bytes:
        """The marks of joined ids, a byte each; 0 for those not in the set."""
        slots, all_marks = self._slots, self._marks
        mask = len(slots) - 1
        found = bytearray()
        for key in _keys(ids):
            slot = key & mask
            while (there := slots[slot]) != key and there:
                slot = (slot + 1) & mask
            found.append(all_marks[slot] if there else 0)
        return bytes(found)

    def _make_room(self, more: int) -> None:
        needed = int((self._used + more) * _SPARE)
        size = len(self._slots)
        if needed <= size:
            return
        size = 1 << needed.bit_length()
        old_slots, old_marks = self._slots, self._marks
        slots, marks = array("Q", [0]) * size, bytearray(size)
        mask = size - 1
        for place, key in enumerate(old_slots):
            if key:
                slot = key & mask
                while slots[slot]:
                    slot = (slot + 1) & mask
                slots[slot], marks[slot] = key, old_marks[place]
        self._slots, self._marks = slots, marks


def _keys(ids: bytes) -> list[int]:
    """The first 8 bytes of each joined id as a number; never 0, which stands for an empty slot."""
    keys: list[int] = memoryview(ids).cast("Q")[::4].tolist()
    return [key or 1 for key in keys] if 0 in keys else keys
