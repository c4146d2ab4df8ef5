"""The messages of a change under way."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from ctxstore.history.engine import Engine
from ctxstore.ids import Kind
from ctxstore.objects.encoding import Json, decode_record, encode_record
from ctxstore.objects.store import ObjectWriter
from ctxstore.trees.entries import (
    ListEntry,
)
from ctxstore.trees.lists import RECORDS, extend_list, leaf, load_list, new_list, total_size
from ctxstore.trees.sequence import Builder, Item, Splice, apply
from ctxstore.trees.sequence import Sequence as StoredSequence


class DraftMessages:
    """The messages of a draft: a list of JSON values to append to, insert into, replace and remove from.

    Values are encoded when they are given, so a later change of a dict does not reach the store.
    """

    def __init__(self, engine: Engine, base: ListEntry | None) -> None:
        self._engine = engine
        self._base: StoredSequence | None = load_list(RECORDS, engine.store, base.id) if base else None
        self._appended: list[bytes] = []
        self._items: list[Item | bytes] | None = None

    def __len__(self) -> int:
        return len(self._items) if self._items is not None else self._base_count() + len(self._appended)

    def _base_count(self) -> int:
        return self._base.count if self._base else 0

    @property
    def is_changed(self) -> bool:
        return self._items is not None or bool(self._appended)

    def append(self, value: Json) -> None:
        """Add a message at the end. Raises `InvalidInput` for what is no JSON value."""
        (self._appended if self._items is None else self._items).append(encode_record(value))

    def extend(self, values: Iterable[Json]) -> None:
        """Add several at the end."""
        for value in values:
            self.append(value)

    def insert(self, index: int, value: Json) -> None:
        """Put a message before `index`."""
        self._all().insert(index, encode_record(value))

    def __setitem__(self, index: int, value: Json) -> None:
        self._all()[operator.index(index)] = encode_record(value)

    def __delitem__(self, index: int | slice) -> None:
        del self._all()[index]

    @overload
    def __getitem__(self, index: int) -> Json: ...
    @overload
    def __getitem__(self, index: slice) -> list[Json]: ...
    def __getitem__(self, index: int | slice) -> Json | list[Json]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        item = self._item(index)
        data = item if isinstance(item, bytes) else self._engine.store.get(item[1], Kind.RECORD)
        return decode_record(data)

    def _item(self, index: int) -> Item | bytes:
        if self._items is not None:
            return self._items[index]
        if not -len(self) <= index < len(self):
            raise IndexError("no message at that place")
        position = index % len(self)
        if self._base is None or position >= self._base.count:
            return self._appended[position - self._base_count()]
        return next(self._base.leaves(position, position + 1))

    def __iter__(self) -> Iterator[Json]:
        return (self[i] for i in range(len(self)))

    def clear(self) -> None:
        """Remove all."""
        self._items = []

    def stored_size(self) -> int:
        """Bytes of the messages before any edit."""
        return total_size(self._base) if self._base else 0

    def _all(self) -> list[Item | bytes]:
        """The whole list at hand, which edits in the middle need; appends do without."""
        if self._items is None:
            stored: list[Item | bytes] = list(self._base.leaves()) if self._base else []
            self._items = [*stored, *self._appended]
        return self._items

    def write(self, writer: ObjectWriter) -> tuple[ListEntry, StoredSequence]:
        """Store the list: what is new, and the nodes around it."""
        builder = self._appended_builder(writer) if self._items is None else self._edited_builder(writer)
        id = builder.finish()
        view = builder.view(self._engine.store, id)
        return ListEntry(id, view.count, total_size(view)), view

    def _appended_builder(self, writer: ObjectWriter) -> Builder:
        builder = extend_list(self._base, writer) if self._base else new_list(RECORDS, writer)
        for data in self._appended:
            builder.push(_stored(writer, data))
        return builder

    def _edited_builder(self, writer: ObjectWriter) -> Builder:
        items = [_stored(writer, item) if isinstance(item, bytes) else item for item in self._items or ()]
        if self._base is None:
            builder = new_list(RECORDS, writer)
            for item in items:
                builder.push(item)
            return builder
        return apply(self._base, writer, _splices(list(self._base.leaves()), items))

    def adopt(self, base: StoredSequence) -> None:
        """Go on from what was written."""
        self._base, self._appended, self._items = base, [], None


def _stored(writer: ObjectWriter, data: bytes) -> Item:
    return leaf(writer.put(Kind.RECORD, data), len(data))


def _splices(old: Sequence[Item], new: Sequence[Item]) -> list[Splice]:
    """One splice from the first to the last item that differs."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return [Splice(head, len(old) - tail, list(new[head : len(new) - tail]))]
