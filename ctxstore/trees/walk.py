"""A walk over the objects of a tree: its nodes, lists and maps, down to the chunks and records, which are not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxstore.errors import Corrupt, NotFound
from ctxstore.ids import Kind, ObjectId
from ctxstore.trees.entries import Entry, FileEntry, ListEntry, MapEntry, decode_entry
from ctxstore.trees.lists import CHUNKS, RECORDS, ListShape
from ctxstore.trees.maps import Maps
from ctxstore.trees.sequence import Getter, Item, Sequence, Shape


class TreeWalk:
    """Walks trees and maps, and skips everything below an object for which `is_new` returns false.

    `is_new(id)` must return true only the first time. `leaf` is called with every new chunk and record. Objects that
    cannot be read are passed to `on_broken`. If it is None, their error is raised.
    """

    def __init__(
        self,
        maps: Maps,
        getter: Getter,
        is_new: Callable[[bytes], bool],
        leaf: Callable[[ObjectId, Kind], None],
        on_broken: Callable[[ObjectId, Kind, Corrupt | NotFound], None] | None = None,
    ) -> None:
        self._shape = maps.shape
        self._getter = getter
        self._is_new = is_new
        self._leaf = leaf
        self._on_broken = on_broken

    def tree(self, id: ObjectId) -> None:
        """Walks a tree and everything that its entries name."""
        for key, inline, value_id, _ in self._sequence(self._shape, id):
            value = inline
            if value_id is not None:
                if not self._is_new(value_id):
                    continue
                self._leaf(value_id, Kind.RECORD)
                try:
                    value = self._getter.get(value_id, Kind.RECORD)
                except (Corrupt, NotFound) as error:
                    self._broken(value_id, Kind.RECORD, error)
                    continue
            self._entry(key, value)

    def map_items(self, id: ObjectId) -> Iterator[tuple[bytes, bytes | None]]:
        """Walks a map and yields (key, value) of its new parts. A value that is not inline is None."""
        for key, inline, value_id, _ in self._sequence(self._shape, id):
            if value_id is not None:
                self._reach(value_id, Kind.RECORD)
            yield key, inline

    def _entry(self, key: bytes, value: bytes) -> None:
        try:
            entry: Entry = decode_entry(value)
        except Corrupt as error:
            raise Corrupt(f"the tree entry {key!r} is malformed") from error
        if isinstance(entry, FileEntry) and entry.id is not None:
            if entry.is_list:
                self._list(CHUNKS, entry.id, Kind.CHUNK)
            else:
                self._reach(entry.id, Kind.CHUNK)
        elif isinstance(entry, ListEntry):
            self._list(RECORDS, entry.id, Kind.RECORD)
        elif isinstance(entry, MapEntry):
            for _ in self.map_items(entry.id):
                pass

    def _list(self, shape: ListShape, id: ObjectId, kind: Kind) -> None:
        for _, leaf, _ in self._sequence(shape, id):
            self._reach(leaf, kind)

    def _reach(self, id: ObjectId, kind: Kind) -> None:
        if self._is_new(id):
            self._leaf(id, kind)

    def _broken(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound) -> None:
        if self._on_broken is None:
            raise error
        self._on_broken(id, kind, error)

    def _sequence(self, shape: Shape, id: ObjectId) -> Iterator[Item]:
        """Yields the leaves of a list or map that are below new nodes."""
        if not self._is_new(id):
            return
        try:
            sequence = Sequence.load(shape, self._getter, id)
        except (Corrupt, NotFound) as error:
            self._broken(id, shape.root_kind, error)
            return
        for item, level in sequence.tops():
            if level:
                yield from self._below(sequence, item, level)
            else:
                yield item

    def _below(self, sequence: Sequence, item: Item, level: int) -> Iterator[Item]:
        node = sequence.node_id(item)
        if not self._is_new(node):
            return
        try:
            children = sequence.children(item, level)
        except (Corrupt, NotFound) as error:
            self._broken(node, Kind.NODE, error)
            return
        if level == 1:
            yield from children
            return
        for child in children:
            yield from self._below(sequence, child, level - 1)
