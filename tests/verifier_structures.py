"""Objects parsed by docs/format alone: records, lists, maps, trees and their entries."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import cbor2
from blake3 import blake3

from tests.verifier_files import NAMES, PUBLIC_KEY, Objects, need, need_ids, structure

CHUNK, NODE, LIST, MAP, RECORD, COMMIT, OP = range(1, 8)
BOUNDARY_KEY = blake3(PUBLIC_KEY, derive_key_context="ctxstore 1 map boundary").digest()
Q_CHUNKS, Q_RECORDS, Q_MAP = 16, 8, 32
INLINE = 96
SURROGATES = 27680
FILE, FOLDER, SYMLINK, NATIVE_LIST, NATIVE_MAP = range(1, 6)

Item = tuple[Any, Any, int]
"""An item of a list: bytes, id, leaves. Or of a map: (last) key, id (of a leaf: value or [id]), leaves."""
Known = tuple[Any, frozenset[bytes]]
"""The decoded value of an id, and the ids of all objects that it needs."""


def json_value(data: bytes) -> Any:
    """Decodes a record's JSON value."""
    value = cbor2.loads(data)
    need(cbor2.dumps(value) == data, "a record's CBOR is not the canonical one")
    return _plain(value, 200)


def _plain(value: Any, depth: int) -> Any:
    if type(value) in (str, int, float, bool, type(None)):
        return value
    if type(value) is cbor2.CBORTag:
        need(value.tag == SURROGATES and type(value.value) is bytes, "a record has an unknown tag")
        text = value.value.decode("utf-8", "surrogatepass")
        need(any(0xD800 <= ord(c) < 0xE000 for c in text), "a text without surrogates is tagged")
        return text
    need(depth > 0, "a record nests too deep")
    if type(value) is dict:
        plain = {_plain(key, 0): _plain(item, depth - 1) for key, item in value.items()}
        need(all(type(key) is str for key in plain) and len(plain) == len(value), "a record's keys")
        return plain
    need(type(value) is list, "a record is no JSON value")
    return [_plain(item, depth - 1) for item in value]


def need_number(value: Any) -> None:
    """Checks that a value is an unsigned integer."""
    need(type(value) is int and value >= 0, "a number is none")


class Structures:
    """A reader of the objects that others refer to.

    The cache keeps values that follow from an id alone, for other states too.
    """

    def __init__(self, objects: Objects, cache: dict[Any, Any]) -> None:
        self._objects = objects
        self._cache = cache

    def get(self, id: bytes, kind: int) -> bytes:
        """Returns an object's bytes."""
        found = self._objects.get(id)
        need(found is not None, f"{NAMES[kind - 1]} {id.hex()} is missing")
        need(found and found[0] == kind, f"{id.hex()} is no {NAMES[kind - 1]}")
        return found[1] if found else b""

    def known(self, key: tuple[Any, ...], make: Callable[..., Known], *arguments: Any) -> Known:
        """Returns the value of `make`, now or from the cache.

        The objects that a cached value needs must exist here as well.
        """
        found: Known | None = self._cache.get(key)
        if found is None:
            found = self._cache[key] = make(*arguments)
        elif missing := found[1].difference(self._objects):
            need(False, f"{min(missing).hex()} is missing")
        return found

    def fields(self, id: bytes, kind: int, check: Callable[[dict[int, Any]], None]) -> dict[int, Any]:
        """Reads the map of a commit or an op."""
        value: dict[int, Any] = self.known((kind, id), self._fields, id, kind, check)[0]
        return value

    def _fields(self, id: bytes, kind: int, check: Callable[[dict[int, Any]], None]) -> Known:
        value = structure(self.get(id, kind))
        check(value)
        return value, frozenset([id])

    # -- lists and maps

    def leaves(self, kind: int, id: bytes, q: int) -> list[Item]:
        """Lists all leaves of a list or map."""
        items: list[Item] = self._sequence(kind, id, q)[0]
        return items

    def _sequence(self, kind: int, id: bytes, q: int) -> Known:
        return self.known((kind, id, q), self._root, kind, id, q)

    def _root(self, kind: int, id: bytes, q: int) -> Known:
        version, levels = structure(self.get(id, kind))
        need(version == 1 and 1 <= len(levels) <= 24, "a root's version or levels")
        found: list[Item] = []
        needed = {id}
        for level in range(len(levels) - 1, -1, -1):
            items = _items(kind, level, levels[level])
            need(items or level < len(levels) - 1 or level == 0, "a root's highest level is empty")
            need(len(items) < 4 * q and not any(_ends(kind, level, q, i) for i in items[q // 4 - 1 :]), "a root's rest")
            self._expand(items, kind, level, q, found, needed)
        keys = [item[0] for item in found] if kind == MAP else []
        need(all(a < b for a, b in pairwise(keys)), "a map's keys are out of order")
        return found, frozenset(needed)

    def _expand(self, items: list[Item], kind: int, level: int, q: int, found: list[Item], needed: set[bytes]) -> None:
        if level == 0:
            found += items
            return
        for label, id, count in items:
            leaves, taken = self.known((NODE, kind, id, level, q), self._node, kind, id, level, q)
            need(sum(leaf[2] for leaf in leaves) == count, f"a count is not that of node {id.hex()}")
            whole = leaves[-1][0] if kind == MAP else sum(leaf[0] for leaf in leaves)
            need(whole == label, f"a size or a last key is not that of node {id.hex()}")
            found += leaves
            needed |= taken

    def _node(self, kind: int, id: bytes, level: int, q: int) -> Known:
        version, at, columns = structure(self.get(id, NODE))
        need(version == 1 and at == level - 1, "a node's version or level")
        items = _items(kind, at, columns)
        need(q // 4 <= len(items) <= 4 * q, "a node's length")
        need(len(items) == 4 * q or _ends(kind, at, q, items[-1]), "a node ends where it must not")
        need(not any(_ends(kind, at, q, item) for item in items[q // 4 - 1 : -1]), "a node goes on where it must end")
        found: list[Item] = []
        needed = {id}
        self._expand(items, kind, at, q, found, needed)
        return found, frozenset(needed)

    def mapped(self, id: bytes) -> dict[bytes, bytes]:
        """Reads a map's keys and values."""
        return dict(self._mapped(id)[0])

    def _mapped(self, id: bytes) -> Known:
        return self.known(("mapped", id), self._values, id)

    def _values(self, id: bytes) -> Known:
        leaves, needed = self._sequence(MAP, id, Q_MAP)
        large = {item[1][0] for item in leaves if type(item[1]) is list}
        values = {key: value if type(value) is bytes else self.get(value[0], RECORD) for key, value, _ in leaves}
        for key, value, _ in leaves:
            need((len(values[key]) > INLINE) == (type(value) is list), "a value is kept in the wrong place")
        return values, needed | large

    def record(self, id: bytes) -> Any:
        """Reads a record's value."""
        return self.known(("record", id), lambda: (json_value(self.get(id, RECORD)), frozenset([id])))[0]

    # -- trees

    def tree(self, id: bytes) -> dict[str, list[Any]]:
        """Reads a tree's entries by path, and checks all objects that they need."""
        return dict(self.known(("tree", id), self._tree, id)[0])

    def _tree(self, id: bytes) -> Known:
        values, needed = self._mapped(id)
        taken = set(needed)
        entries = {}
        for key, data in values.items():
            entry = structure(data)
            taken |= self._check_entry(entry)
            _check_path(key, entry[0])
            entries[key.decode("utf-8", "surrogateescape")] = entry
        return entries, frozenset(taken)

    def _check_entry(self, entry: list[Any]) -> frozenset[bytes]:
        kind, *fields = entry
        if kind == FILE:
            mode, mtime, size, is_list, id = fields
            need_number(mode)
            need_number(size)
            need(mode <= 0o7777 and type(mtime) is int and type(is_list) is bool, "a file's entry")
            return self._check_file(size, is_list, id)
        if kind == FOLDER:
            mode, mtime = fields
            need(type(mode) is int and 0 <= mode <= 0o7777 and type(mtime) is int, "a folder's entry")
            return frozenset()
        if kind == SYMLINK:
            target, mtime = fields
            need(type(target) is bytes and type(mtime) is int, "a link's entry")
            return frozenset()
        if kind == NATIVE_LIST:
            return self._check_messages(*fields)
        need(kind == NATIVE_MAP, "an unknown kind of entry")
        return self._check_memories(*fields)

    def _check_file(self, size: int, is_list: bool, id: Any) -> frozenset[bytes]:
        if id is None:
            need(size == 0 and not is_list, "a file without content has a size")
            return frozenset()
        need_ids(id)
        if not is_list:
            need(size == len(self.get(id, CHUNK)) > 0, "a chunk's size is not its file's")
            return frozenset([id])
        leaves, needed = self._sequence(LIST, id, Q_CHUNKS)
        need(len(leaves) > 1 and sum(leaf[0] for leaf in leaves) == size, "a list's size is not its file's")
        need(all(len(self.get(leaf[1], CHUNK)) == leaf[0] for leaf in leaves), "a chunk's size is not its list's")
        return needed.union(leaf[1] for leaf in leaves)

    def _check_messages(self, id: bytes, length: int, size: int) -> frozenset[bytes]:
        leaves, needed = self._sequence(LIST, id, Q_RECORDS)
        need(len(leaves) == length and sum(leaf[0] for leaf in leaves) == size, "a native list's length or size")
        need(all(len(self.get(leaf[1], RECORD)) == leaf[0] for leaf in leaves), "a record's size is not its list's")
        for _, record, _ in leaves:
            self.record(record)
        return needed.union(leaf[1] for leaf in leaves)

    def _check_memories(self, id: bytes, length: int) -> frozenset[bytes]:
        values, needed = self._mapped(id)
        need(len(values) == length, "a native map's length")
        for key, data in values.items():
            key.decode("utf-8", "surrogatepass")
            json_value(data)
        return needed

    def content(self, entry: list[Any]) -> bytes:
        """Reads a file's bytes."""
        *_, is_list, id = entry
        if id is None:
            return b""
        ids = [leaf[1] for leaf in self.leaves(LIST, id, Q_CHUNKS)] if is_list else [id]
        return b"".join(self.get(chunk, CHUNK) for chunk in ids)


def _items(kind: int, level: int, columns: list[Any]) -> list[Item]:
    """Lists the items of one level."""
    if kind == MAP and level == 0:
        keys, values = columns
        need(all(type(key) is bytes for key in keys), "a key is no bytes")
        for value in values:
            if type(value) is not bytes:
                need_ids(*value)
                need(len(value) == 1, "a value's id")
        return [(key, value, 1) for key, value in zip(keys, values, strict=True)]
    labels, ids = columns[:2] if kind == MAP else columns[1::-1]
    counts = columns[2] if level else [1] * len(labels)
    need(len(columns) == (3 if level else 2) and type(ids) is bytes and len(ids) == 32 * len(labels), "columns")
    need(all(type(n) is int and n > 0 for n in counts), "a count is none")
    need(all(type(label) is bytes if kind == MAP else type(label) is int and label >= 0 for label in labels), "labels")
    parts = [ids[i : i + 32] for i in range(0, len(ids), 32)]
    return list(zip(labels, parts, counts, strict=True))


def _ends(kind: int, level: int, q: int, item: Item) -> bool:
    """Whether the item is a boundary."""
    if kind == LIST:
        return int.from_bytes(item[1][:4], "big") % q == 0
    return blake3(item[0], key=BOUNDARY_KEY).digest(length=level + 1)[level] & 31 == 0


def _check_path(key: bytes, kind: int) -> None:
    if key.startswith(b"/"):
        need((key, kind) in ((b"/messages", NATIVE_LIST), (b"/memories", NATIVE_MAP)), f"{key!r} is no native key")
    else:
        parts = key.split(b"/")
        need(kind in (FILE, FOLDER, SYMLINK) and not {b"", b".", b".."} & set(parts), f"{key!r} is no path")
