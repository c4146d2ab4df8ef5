"""Canonical Merkle sequences, the mechanism of lists and maps. docs/format/trees.md is normative.

Items are pushed in order. A node closes when it has at least q/4 items and the last one is a boundary, or when it has
4q items. A closed node becomes an item of the next level. The items left open on each level are stored inline in the
root. So the root depends on the items only, never on how they were combined. A change affects only the nodes around it
and the root.

An item is a tuple whose last element is its number of leaves. The shape defines the other elements.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from ctxstore.errors import Corrupt
from ctxstore.ids import Kind, ObjectId
from ctxstore.objects.encoding import decode_structure, encode_structure

Item = tuple[Any, ...]

MAX_LEVELS = 24

_MAX_NODES = 64
"""The most decoded nodes that a sequence caches. Lookups of neighbouring items need the same nodes."""


class Getter(Protocol):
    """A source of objects, such as nodes."""

    def get(self, id: ObjectId, kind: Kind) -> bytes: ...


class Putter(Getter, Protocol):
    """A store to which objects, such as nodes, are written."""

    def put(self, kind: Kind, data: bytes) -> ObjectId: ...


class Shape(Protocol):
    """The properties in which lists and maps differ: their items, their encoding and their boundaries."""

    root_kind: Kind
    smallest: int
    largest: int

    def is_boundary(self, item: Item, level: int) -> bool:
        """Whether a node may end after this item."""

    def encode_items(self, items: list[Item], level: int) -> list[Any]:
        """Returns the items of a node at `level` (0 is a leaf) column by column: one list per field, ready for CBOR.

        Fields of a fixed size, such as ids, are joined to one byte string instead of a list.
        """

    def decode_items(self, columns: Any, level: int) -> list[Item]:
        """Decodes columns to items. Raises `Corrupt`, ValueError, TypeError or IndexError if they are malformed."""

    def summary(self, id: ObjectId, items: list[Item]) -> Item:
        """Returns the item that represents a closed node on the next level."""


_LARGEST_NUMBER = 1 << 63


def check_numbers(column: Any, smallest: int) -> None:
    """Raises `ValueError` or `TypeError` unless `column` is a list of sizes or counts of at least `smallest`."""
    if type(column) is not list or not set(map(type, column)) <= {int}:
        raise TypeError("not a column of numbers")
    if column and not smallest <= min(column) <= max(column) < _LARGEST_NUMBER:
        raise ValueError("number out of range")


def count_of(item: Item) -> int:
    """Returns the number of leaves that an item represents."""
    count: int = item[-1]
    return count


class Sequence:
    """A stored sequence whose nodes are read on demand."""

    __slots__ = ("_get", "_nodes", "count", "id", "levels", "shape")

    def __init__(self, shape: Shape, getter: Getter, id: ObjectId, levels: list[list[Item]]) -> None:
        self.shape = shape
        self._get = getter
        self._nodes: dict[Item, list[Item]] = {}
        self.id = id
        self.levels = levels
        self.count = sum(count_of(item) for level in levels for item in level)

    @classmethod
    def load(cls, shape: Shape, getter: Getter, id: ObjectId) -> Sequence:
        """Reads a sequence's root. Raises `NotFound`, `Corrupt`."""
        value = decode_structure(getter.get(id, shape.root_kind))
        with _malformed("a root"):
            version, levels = value
            if version != 1 or type(levels) is not list or not 0 < len(levels) <= MAX_LEVELS:
                raise ValueError
            decoded = [shape.decode_items(columns, level) for level, columns in enumerate(levels)]
        return cls(shape, getter, id, decoded)

    def children(self, item: Item, level: int) -> list[Item]:
        """Returns the items of the node that `item` represents. `level` is that of `item`, at least 1."""
        children = self._nodes.get(item)
        if children is None:
            if len(self._nodes) >= _MAX_NODES:
                self._nodes.clear()
            children = self._nodes[item] = self._read_node(item, level - 1)
        return children

    def _read_node(self, item: Item, level: int) -> list[Item]:
        id = self.node_id(item)
        value = decode_structure(self._get.get(id, Kind.NODE))
        with _malformed("a node"):
            version, at, columns = value
            if version != 1 or at != level:
                raise ValueError
            items = self.shape.decode_items(columns, level)
            # Positions are computed from counts. With a wrong count, a lookup would return another item or none.
            if self.shape.summary(id, items) != item:
                raise ValueError("node does not match the item that refers to it")
            return items

    @staticmethod
    def node_id(item: Item) -> ObjectId:
        """Returns the id of the node that an item of level ≥ 1 represents: the element before the count."""
        return ObjectId(item[-2])

    def tops(self) -> Iterator[tuple[Item, int]]:
        """Yields the root's items as (item, level), in the order of the sequence."""
        for level in range(len(self.levels) - 1, -1, -1):
            for item in self.levels[level]:
                yield item, level

    def flatten(self, tokens: Iterable[tuple[Item, int]]) -> list[Item]:
        """Returns the leaves below these (item, level) pairs of this sequence."""
        return [leaf for item, level in tokens for leaf in self._below(item, level, 0, count_of(item))]

    def leaves(self, start: int = 0, stop: int | None = None) -> Iterator[Item]:
        """Yields the leaf items from `start` to `stop`. Reads only the nodes that contain them."""
        stop = self.count if stop is None else min(stop, self.count)
        base = 0
        for item, level in self.tops():
            count = count_of(item)
            if base + count > start and base < stop:
                yield from self._below(item, level, start - base, stop - base)
            base += count

    def _below(self, item: Item, level: int, start: int, stop: int) -> Iterator[Item]:
        if level == 0:
            yield item
            return
        children = self.children(item, level)
        if level == 1:  # every leaf counts one, so a slice replaces the search and a generator for each leaf
            yield from children[max(start, 0) : max(stop, 0)]
            return
        base = 0
        for child in children:
            count = count_of(child)
            if base + count > start and base < stop:
                yield from self._below(child, level - 1, start - base, stop - base)
            base += count


class Builder:
    """Builds a sequence from items and from ranges of stored sequences."""

    __slots__ = ("_put", "levels", "shape")

    def __init__(self, shape: Shape, putter: Putter, levels: list[list[Item]] | None = None) -> None:
        self.shape = shape
        self._put = putter
        self.levels: list[list[Item]] = levels if levels is not None else [[]]

    def push(self, item: Item, level: int = 0) -> None:
        """Appends an item. If its level is above 0, all levels below must be empty."""
        while level >= len(self.levels):
            self.levels.append([])
        items = self.levels[level]
        items.append(item)
        size = len(items)
        if size >= self.shape.smallest and (size == self.shape.largest or self.shape.is_boundary(item, level)):
            self.levels[level] = []
            self.push(self._close(items, level), level + 1)

    def _close(self, items: list[Item], level: int) -> Item:
        columns = self.shape.encode_items(items, level)
        id = self._put.put(Kind.NODE, encode_structure([1, level, columns]))
        return self.shape.summary(id, items)

    def copy(self, source: Sequence, start: int, stop: int) -> None:
        """Appends a range of another sequence. Appends its nodes without reading them where the boundaries agree."""
        base = 0
        for item, level in source.tops():
            self._copy(source, item, level, start - base, stop - base)
            base += count_of(item)

    def _copy(self, source: Sequence, item: Item, level: int, start: int, stop: int) -> None:
        count = count_of(item)
        if start >= count or stop <= 0:
            return
        is_complete = start <= 0 and stop >= count
        if level == 0 or (is_complete and self._is_aligned(level)):
            self.push(item, level)
            return
        base = 0
        for child in source.children(item, level):
            self._copy(source, child, level - 1, start - base, stop - base)
            base += count_of(child)

    def _is_aligned(self, level: int) -> bool:
        return not any(self.levels[:level])

    def finish(self) -> ObjectId:
        """Stores the root and returns its id. More items may be pushed afterwards."""
        columns = [self.shape.encode_items(items, level) for level, items in enumerate(self.levels)]
        return self._put.put(self.shape.root_kind, encode_structure([1, columns]))

    def view(self, getter: Getter, id: ObjectId) -> Sequence:
        """Returns the items pushed so far as a readable sequence. `id` is that of its root."""
        return Sequence(self.shape, getter, id, [list(items) for items in self.levels])


class Splice(NamedTuple):
    """A replacement of the leaves from `start` to `stop` by `items`."""

    start: int
    stop: int
    items: Iterable[Item]


def apply(source: Sequence, putter: Putter, splices: Iterable[Splice]) -> Builder:
    """Returns a builder for `source` with `splices` applied. They must be in order and must not overlap."""
    builder = Builder(source.shape, putter)
    position = 0
    for splice in splices:
        builder.copy(source, position, splice.start)
        for item in splice.items:
            builder.push(item)
        position = splice.stop
    builder.copy(source, position, source.count)
    return builder


class _malformed:
    """A context manager that turns errors from decoding a damaged structure into `Corrupt`."""

    __slots__ = ("_what",)

    def __init__(self, what: str) -> None:
        self._what = what

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (ValueError, TypeError, IndexError, KeyError, OverflowError)):
            raise Corrupt(f"{self._what} of a list or map is malformed") from error
