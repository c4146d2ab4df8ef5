"""Lists: sequences of a file's chunks or of a context's native records.

An item is (size, id, count): the number of bytes below it, the id of its object or node, and its number of leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.ids import ID_SIZE, Kind, ObjectId
from ctxstore.trees.sequence import Builder, Getter, Item, Putter, Sequence, Splice, apply, check_numbers


class ListShape:
    """The shape of lists: a node may end after an item whose id is 0 modulo q."""

    __slots__ = ("_mask", "largest", "smallest")
    root_kind = Kind.LIST

    def __init__(self, q: int) -> None:
        self.smallest = q // 4
        self.largest = q * 4
        self._mask = q - 1

    def is_boundary(self, item: Item, level: int) -> bool:
        # The id's first four bytes as a big-endian u32, modulo a power of two of at most 256: the fourth byte decides.
        return not item[1][3] & self._mask

    def encode_items(self, items: list[Item], level: int) -> list[Any]:
        columns: list[Any] = [b"".join([item[1] for item in items]), [item[0] for item in items]]
        if level:
            columns.append([item[2] for item in items])
        return columns

    def decode_items(self, columns: Any, level: int) -> list[Item]:
        ids, sizes, *counts = columns
        numbers = counts[0] if level else [1] * len(sizes)
        if type(ids) is not bytes or len(ids) != len(sizes) * ID_SIZE or len(counts) != (level > 0):
            raise ValueError("columns of different lengths")
        check_numbers(sizes, 0)
        check_numbers(numbers, 1)
        return [
            (size, ids[i * ID_SIZE : (i + 1) * ID_SIZE], count)
            for i, (size, count) in enumerate(zip(sizes, numbers, strict=True))
        ]

    def summary(self, id: ObjectId, items: list[Item]) -> Item:
        return (sum([item[0] for item in items]), id, sum([item[2] for item in items]))


CHUNKS = ListShape(16)
RECORDS = ListShape(8)


def leaf(id: ObjectId, size: int) -> Item:
    """Returns the item of one chunk or record. `size` is in bytes."""
    return (size, id, 1)


def new_list(shape: ListShape, putter: Putter) -> Builder:
    """Returns a builder for a new list, to which `leaf` items are pushed."""
    return Builder(shape, putter)


def load_list(shape: ListShape, getter: Getter, id: ObjectId) -> Sequence:
    """Reads a list's root. Nodes are read later, on demand. Raises `NotFound`, `Corrupt`."""
    return Sequence.load(shape, getter, id)


def extend_list(source: Sequence, putter: Putter) -> Builder:
    """Returns a builder that continues at the end of `source`. Reads nothing."""
    return Builder(source.shape, putter, [list(items) for items in source.levels])


def splice_list(source: Sequence, putter: Putter, start: int, stop: int, items: Iterable[Item]) -> Builder:
    """Returns a builder for `source` with the leaves from `start` to `stop` replaced by `items`."""
    return apply(source, putter, [Splice(start, stop, items)])


def iter_ids(source: Sequence, start: int = 0, stop: int | None = None) -> Iterator[ObjectId]:
    """Yields the ids of the leaves from `start` to `stop`."""
    for item in source.leaves(start, stop):
        yield item[1]


def total_size(source: Sequence) -> int:
    """Returns the total size of a list's objects in bytes."""
    return sum(item[0] for level in source.levels for item in level)
