"""The locations of a pack's objects, according to its footer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from ctxstore.ids import ID_SIZE
from ctxstore.packs.format import Footer


class Location(NamedTuple):
    """An object's location: the offset (`frame`) and length (`stored`) of its frame in a pack, in bytes of the file.

    `start` and `length` are the object's span in the raw frame, in bytes.
    """

    pack: str
    frame: int
    stored: int
    start: int
    length: int
    kind: int


def iter_locations(pack: str, footer: Footer) -> Iterator[tuple[bytes, Location]]:
    """Yields (id, location) of every object in a footer."""
    ids, kinds, lengths = footer.ids, footer.kinds, footer.lengths
    at = 0
    for frame in footer.frames:
        start = 0
        for i in range(at, at + frame.objects):
            length = lengths[i]
            yield (
                ids[i * ID_SIZE : (i + 1) * ID_SIZE],
                Location(pack, frame.offset, frame.stored, start, length, kinds[i]),
            )
            start += length
        at += frame.objects


class MemoryPack:
    """One pack in memory. Maps each object's id to its position in the footer, and computes locations on demand."""

    __slots__ = ("_firsts", "_footer", "_name", "_starts", "positions")

    def __init__(self, name: str, footer: Footer) -> None:
        ids, size = footer.ids, ID_SIZE
        self._name = name
        self._footer = footer
        self._firsts = list(accumulate((frame.objects for frame in footer.frames), initial=0))
        self._starts: dict[int, list[int]] = {}
        split = [ids[i : i + size] for i in range(0, len(ids), size)]
        self.positions = dict(zip(split, range(len(split)), strict=True))

    def location(self, position: int) -> Location:
        frame = bisect_right(self._firsts, position) - 1
        first = self._firsts[frame]
        starts = self._starts.get(frame)
        if starts is None:
            lengths = self._footer.lengths[first : self._firsts[frame + 1]]
            starts = self._starts[frame] = list(accumulate(lengths, initial=0))
        entry = self._footer.frames[frame]
        start, stop = starts[position - first], starts[position - first + 1]
        return Location(self._name, entry.offset, entry.stored, start, stop - start, self._footer.kinds[position])
