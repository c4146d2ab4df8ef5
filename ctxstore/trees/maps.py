"""Maps from byte keys to byte values, sorted by key. A map's id does not depend on the order of edits.

A leaf is (key, value, value id, 1). A small value is inline, and its id is None. A large value is a separate object,
and None in the leaf. A node's item is (last key, id, count). A keyed hash of the key alone decides whether a node may
end there, so a changed value never moves a boundary.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from blake3 import blake3

from ctxstore.ids import ID_SIZE, IdKeys, Kind, ObjectId
from ctxstore.trees.compare import differences
from ctxstore.trees.sequence import (
    Builder,
    Getter,
    Item,
    Putter,
    Sequence,
    Splice,
    apply,
    check_numbers,
)

INLINE = 96
"""The most bytes of a value that is stored inline in the node. A larger value becomes a separate object."""


class MapShape:
    """The shape of maps: a node may end after a key whose hash is 0 modulo q. Each level uses its own hash byte."""

    __slots__ = ("_key", "_mask", "largest", "smallest")
    root_kind = Kind.MAP

    def __init__(self, boundary_key: bytes, q: int = 32) -> None:
        self.smallest = q // 4
        self.largest = q * 4
        self._mask = q - 1
        self._key = boundary_key

    def is_boundary(self, item: Item, level: int) -> bool:
        return not blake3(item[0], key=self._key).digest(length=level + 1)[level] & self._mask

    def encode_items(self, items: list[Item], level: int) -> list[Any]:
        keys = [item[0] for item in items]
        if level:
            return [keys, b"".join([item[1] for item in items]), [item[2] for item in items]]
        return [keys, [item[1] if item[2] is None else [item[2]] for item in items]]

    def decode_items(self, columns: Any, level: int) -> list[Item]:
        keys, values, *counts = columns
        if set(map(type, keys)) - {bytes} or len(set(keys)) != len(keys) or sorted(keys) != keys:
            raise ValueError("keys out of order")
        if len(counts) != (level > 0):
            raise ValueError("columns of another level")
        if not level:
            return [
                (key, value, None, 1) if type(value) is bytes else self._leaf(key, value)
                for key, value in zip(keys, values, strict=True)
            ]
        if type(values) is not bytes or len(values) != len(keys) * ID_SIZE:
            raise ValueError("columns of different lengths")
        check_numbers(counts[0], 1)
        return [
            (key, values[i * ID_SIZE : (i + 1) * ID_SIZE], count)
            for i, (key, count) in enumerate(zip(keys, counts[0], strict=True))
        ]

    @staticmethod
    def _leaf(key: bytes, value: Any) -> Item:
        (id,) = value
        if type(value) is not list or type(id) is not bytes or len(id) != ID_SIZE:
            raise ValueError("not an id")
        return (key, None, id, 1)

    def summary(self, id: ObjectId, items: list[Item]) -> Item:
        return (items[-1][0], id, sum([item[-1] for item in items]))


class MapView:
    """A stored map that is read on demand. `value_kind` is the kind of the objects of its large values."""

    __slots__ = ("_get", "sequence", "value_kind")

    def __init__(self, sequence: Sequence, getter: Getter, value_kind: Kind) -> None:
        self.sequence = sequence
        self._get = getter
        self.value_kind = value_kind

    @property
    def id(self) -> ObjectId:
        return self.sequence.id

    def __len__(self) -> int:
        return self.sequence.count

    def find(self, key: bytes) -> bytes | None:
        """Returns the value of `key`, or None. Reads one node per level."""
        _, item = self._seek(key)
        return self.value(item) if item is not None else None

    def value(self, item: Item) -> bytes:
        """Returns a leaf's value. Reads its object if it is not inline."""
        _, value, value_id, _ = item
        return value if value_id is None else self._get.get(value_id, self.value_kind)

    def _seek(self, key: bytes) -> tuple[int, Item | None]:
        """Returns (the number of smaller keys, the key's leaf or None)."""
        position = 0
        level_items: Iterable[tuple[Item, int]] = self.sequence.tops()
        while True:
            for item, level in level_items:  # noqa: B007 - used after the loop
                if item[0] >= key:
                    break
                position += item[-1]
            else:
                return position, None
            if level == 0:
                return position, item if item[0] == key else None
            level_items = [(child, level - 1) for child in self.sequence.children(item, level)]

    def items(self, start: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yields (key, value) in the order of the keys, beginning with the first key not smaller than `start`."""
        first = self._seek(start)[0] if start else 0
        for item in self.sequence.leaves(first):
            yield item[0], self.value(item)

    def prefixed(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yields (key, value) of the keys that start with `prefix`, in order."""
        for key, value in self.items(prefix):
            if not key.startswith(prefix):
                return
            yield key, value


class Maps:
    """Loads, creates and updates the maps of one repository."""

    __slots__ = ("shape",)

    def __init__(self, keys: IdKeys) -> None:
        self.shape = MapShape(keys.boundary)

    def load(self, getter: Getter, id: ObjectId, value_kind: Kind = Kind.RECORD) -> MapView:
        """Reads a map's root. Nodes are read later, on demand. Raises `NotFound`, `Corrupt`."""
        return MapView(Sequence.load(self.shape, getter, id), getter, value_kind)

    def create(self, putter: Putter, items: Mapping[bytes, bytes], value_kind: Kind = Kind.RECORD) -> ObjectId:
        """Stores a new map with these items. Returns its id."""
        builder = Builder(self.shape, putter)
        for key in sorted(items):
            builder.push(_leaf_for(putter, key, items[key], value_kind))
        return builder.finish()

    def update(self, source: MapView, putter: Putter, edits: Mapping[bytes, bytes | None]) -> ObjectId:
        """Stores a copy of `source` with `edits` applied, and returns its id. An edit to None removes the key.

        Reads and writes only the nodes around the edits.
        """
        splices = []
        for key, value in sorted(edits.items()):
            position, item = source._seek(key)
            items = [] if value is None else [_leaf_for(putter, key, value, source.value_kind)]
            splices.append(Splice(position, position + (item is not None), items))
        return apply(source.sequence, putter, splices).finish()


def _leaf_for(putter: Putter, key: bytes, value: bytes, value_kind: Kind) -> Item:
    if len(value) <= INLINE:
        return (key, value, None, 1)
    return (key, None, putter.put(value_kind, value), 1)


def map_differences(old: MapView, new: MapView) -> Iterator[tuple[bytes, bytes | None, bytes | None]]:
    """Yields (key, old value, new value) of the keys that differ. A value is None if that map lacks the key."""
    before: dict[bytes, Item] = {}
    after: dict[bytes, Item] = {}
    for region in differences(old.sequence, new.sequence):
        before.update((item[0], item) for item in region.old)
        after.update((item[0], item) for item in region.new)
    for key in sorted(before.keys() | after.keys()):
        a, b = before.get(key), after.get(key)
        if a != b:
            yield key, old.value(a) if a else None, new.value(b) if b else None
