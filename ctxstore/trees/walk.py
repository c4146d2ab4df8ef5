"""Walks what a tree is made of: its nodes, lists and maps, down to the chunks and records, which are not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxstore.errors import Corrupt, NotFound
from ctxstore.ids import Kind, ObjectId
from ctxstore.trees.entries import Entry, FileEntry, ListEntry, MapEntry, decode_entry
from ctxstore.trees.lists import CHUNKS, RECORDS, ListShape
from ctxstore.trees.maps import Maps
from ctxstore.trees.sequence import Getter, Item, Sequence, Shape


class TreeWalk:
    """Walks trees and maps, going no further down where `take` says that an object was met before.

    `leaf` is told of the chunks and records that were not met before. What can't be read is raised, unless
    `on_broken` takes it.
    """

    def __init__(
        self,
        maps: Maps,
        getter: Getter,
        take: Callable[[bytes], bool],
        leaf: Callable[[ObjectId, Kind], None],
        on_broken: Callable[[ObjectId, Kind, Corrupt | NotFound], None] | None = None,
    ) -> None:
        self._shape = maps.shape
        self._getter = getter
        self._take = take
        self._leaf = leaf
        self._on_broken = on_broken

    def tree(self, id: ObjectId) -> None:
        """Walk a tree and all its entries name."""
        for key, inline, where, _ in self._sequence(self._shape, id):
            value = inline
            if where is not None:
                if not self._take(where):
                    continue
                self._leaf(where, Kind.RECORD)
                try:
                    value = self._getter.get(where, Kind.RECORD)
                except (Corrupt, NotFound) as error:
                    self._broken(where, Kind.RECORD, error)
                    continue
            self._entry(key, value)

    def map_items(self, id: ObjectId) -> Iterator[tuple[bytes, bytes | None]]:
        """Walk a map: (key, value if it is inline) of the parts not met before."""
        for key, inline, where, _ in self._sequence(self._shape, id):
            if where is not None:
                self._reach(where, Kind.RECORD)
            yield key, inline

    def _entry(self, key: bytes, value: bytes) -> None:
        try:
            entry: Entry = decode_entry(value)
        except Corrupt as error:
            raise Corrupt(f"the entry {key!r} of a tree is malformed") from error
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
        if self._take(id):
            self._leaf(id, kind)

    def _broken(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound) -> None:
        if self._on_broken is None:
            raise error
        self._on_broken(id, kind, error)

    def _sequence(self, shape: Shape, id: ObjectId) -> Iterator[Item]:
        """The leaves of a list or map below the nodes not met before."""
        if not self._take(id):
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
        if not self._take(node):
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
