"""The messages of a draft."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

from ctxstore.history.engine import Engine
from ctxstore.ids import Kind
from ctxstore.objects.encoding import Json, decode_record, encode_record
from ctxstore.objects.store import ObjectWriter
from ctxstore.trees.entries import ListEntry
from ctxstore.trees.lists import RECORDS, extend_list, leaf, load_list, new_list, total_size
from ctxstore.trees.sequence import Builder, Item, Splice, apply
from ctxstore.trees.sequence import Sequence as StoredSequence


class DraftMessages:
    """The messages of a draft: a mutable list of JSON values.

    Adding a value encodes it at once, so changing a dict afterwards does not change the draft. Appending reads
    no stored messages. Any other edit reads the list of their ids.
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
        """Appends a message. Raises `InvalidInput` if `value` is not a JSON value."""
        self._engine.check_open()
        (self._appended if self._items is None else self._items).append(encode_record(value))

    def extend(self, values: Iterable[Json]) -> None:
        """Appends several messages. Raises `InvalidInput` at the first that is not a JSON value."""
        for value in values:
            self.append(value)

    def insert(self, index: int, value: Json) -> None:
        """Inserts a message before `index`. Raises `InvalidInput` if `value` is not a JSON value."""
        self._load_items().insert(index, encode_record(value))

    def __setitem__(self, index: int, value: Json) -> None:
        self._load_items()[operator.index(index)] = encode_record(value)

    def __delitem__(self, index: int | slice) -> None:
        del self._load_items()[index]

    @overload
    def __getitem__(self, index: int) -> Json: ...
    @overload
    def __getitem__(self, index: slice) -> list[Json]: ...
    def __getitem__(self, index: int | slice) -> Json | list[Json]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        item = self._item(index)
        if isinstance(item, bytes):
            return decode_record(item)
        _, id, _ = item
        return decode_record(self._engine.store.get(id, Kind.RECORD))

    def _item(self, index: int) -> Item | bytes:
        """Returns a message: the list item of a stored one, the encoded bytes of a new one. Raises `IndexError`."""
        self._engine.check_open()
        if self._items is not None:
            return self._items[index]
        if not -len(self) <= index < len(self):
            raise IndexError(f"message index {index} is out of range: there are {len(self)} messages")
        position = index % len(self)
        if self._base is None or position >= self._base.count:
            return self._appended[position - self._base_count()]
        return next(self._base.leaves(position, position + 1))

    def __iter__(self) -> Iterator[Json]:
        return (self[i] for i in range(len(self)))

    def clear(self) -> None:
        """Removes all messages."""
        self._items = []

    def stored_size(self) -> int:
        """Returns the bytes of the messages in the base, before any edit."""
        return total_size(self._base) if self._base else 0

    def _load_items(self) -> list[Item | bytes]:
        """Returns all items as a list in memory. Only edits other than appending need it."""
        self._engine.check_open()
        if self._items is None:
            base_items: list[Item | bytes] = list(self._base.leaves()) if self._base else []
            self._items = [*base_items, *self._appended]
        return self._items

    def write(self, writer: ObjectWriter) -> tuple[ListEntry, StoredSequence]:
        """Stores the list: the new messages and the nodes around them. Returns the list's entry and the list."""
        builder = self._build_appended(writer) if self._items is None else self._build_edited(writer)
        id = builder.finish()
        view = builder.view(self._engine.store, id)
        return ListEntry(id, view.count, total_size(view)), view

    def _build_appended(self, writer: ObjectWriter) -> Builder:
        builder = extend_list(self._base, writer) if self._base else new_list(RECORDS, writer)
        for data in self._appended:
            builder.push(_store_record(writer, data))
        return builder

    def _build_edited(self, writer: ObjectWriter) -> Builder:
        items = [_store_record(writer, item) if isinstance(item, bytes) else item for item in self._items or ()]
        if self._base is None:
            builder = new_list(RECORDS, writer)
            for item in items:
                builder.push(item)
            return builder
        return apply(self._base, writer, _splices(list(self._base.leaves()), items))

    def adopt(self, base: StoredSequence) -> None:
        """Makes the list that was just stored the base of further edits."""
        self._base, self._appended, self._items = base, [], None


def _store_record(writer: ObjectWriter, data: bytes) -> Item:
    return leaf(writer.put(Kind.RECORD, data), len(data))


def _splices(old: Sequence[Item], new: Sequence[Item]) -> list[Splice]:
    """Returns one splice that turns `old` into `new`, from the first item that differs to the last."""

    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    return [Splice(head, len(old) - tail, list(new[head : len(new) - tail]))]
