"""The content of a commit, read on demand: files, messages, memories."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from ctxstore.errors import NotFound
from ctxstore.history.commits import Commit
from ctxstore.history.engine import Engine
from ctxstore.ids import Kind, ObjectId, format_id
from ctxstore.objects.encoding import Json, decode_record
from ctxstore.trees.entries import (
    MEMORIES,
    MESSAGES,
    Entry,
    FileEntry,
    ListEntry,
    MapEntry,
    decode_entry,
    decode_key,
    encode_key,
)
from ctxstore.trees.files import read_content
from ctxstore.trees.lists import RECORDS, load_list
from ctxstore.trees.maps import MapView
from ctxstore.trees.sequence import Getter


class _CommitObjects:
    """The objects of one commit. An error about a missing object reports if the commit was forgotten."""

    def __init__(self, engine: Engine, ref: str, id: ObjectId) -> None:
        self._engine, self._ref, self._id = engine, ref, id

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        try:
            return self._engine.store.get(id, kind)
        except NotFound as error:
            mark = self._engine.forgotten(self._engine.root()).find(self._id)
            if mark is None:
                raise
            what = f"commit {format_id(self._id)} of {self._ref}"
            raise NotFound(
                f"{what} was forgotten ({mark.reason}), and its content is collected",
                hint=f"`ctx log {self._ref}` lists the commits that still exist",
            ) from error


class Records(Sequence[Any]):
    """A stored list of JSON values. Each value is read when it is accessed."""

    def __init__(self, objects: Getter, entry: ListEntry | None) -> None:
        self._objects = objects
        self._list = load_list(RECORDS, objects, entry.id) if entry else None

    def __len__(self) -> int:
        return self._list.count if self._list else 0

    @overload
    def __getitem__(self, index: int) -> Json: ...
    @overload
    def __getitem__(self, index: slice) -> list[Json]: ...
    def __getitem__(self, index: int | slice) -> Json | list[Json]:
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                return list(self.iter(start, stop))
            return [self[i] for i in range(start, stop, step)]
        if not -len(self) <= index < len(self):
            raise IndexError(f"message index {index} is out of range: there are {len(self)} messages")
        position = index % len(self)
        return next(self.iter(position, position + 1))

    def __iter__(self) -> Iterator[Json]:
        return self.iter()

    def iter(self, start: int = 0, stop: int | None = None) -> Iterator[Json]:
        """Yields the values from `start` to `stop`, reading one at a time."""
        if self._list is not None:
            for _, id, _ in self._list.leaves(start, stop):
                yield decode_record(self._objects.get(id, Kind.RECORD))

    def ids(self) -> Iterator[ObjectId]:
        """Yields the ids of the values in order. Equal values have equal ids."""
        if self._list is not None:
            for _, id, _ in self._list.leaves():
                yield id


class Memories(Mapping[str, Any]):
    """A stored map of JSON values, sorted by key. Each value is read when it is accessed."""

    def __init__(self, engine: Engine, objects: Getter, entry: MapEntry | None) -> None:
        self._engine = engine
        self.map: MapView | None = engine.maps.load(objects, entry.id) if entry else None

    def __len__(self) -> int:
        return len(self.map) if self.map else 0

    def __getitem__(self, key: str) -> Json:
        self._engine.check_open()
        value = self.map.find(encode_memory_key(key)) if self.map else None
        if value is None:
            raise KeyError(key)
        return decode_record(value)

    def __iter__(self) -> Iterator[str]:
        for key, _ in self.map.items() if self.map else ():
            self._engine.check_open()
            yield decode_memory_key(key)


def encode_memory_key(key: str) -> bytes:
    """Encodes a memory's key for the map. Raises `KeyError` if `key` is not a str."""
    if not isinstance(key, str):
        raise KeyError(key)
    return key.encode("utf-8", "surrogatepass")


def decode_memory_key(key: bytes) -> str:
    """Decodes a memory's key, the inverse of `encode_memory_key`."""
    return key.decode("utf-8", "surrogatepass")


class ViewFiles(Mapping[str, Entry]):
    """The files, folders and links of a commit, sorted by path."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, path: str) -> Entry:
        self._view.check_open()
        try:
            key = encode_key(path)
        except (UnicodeEncodeError, AttributeError):  # a surrogate that represents no byte, or not a str
            raise KeyError(path) from None
        value = None if key.startswith(b"/") else self._view.tree.find(key)
        if value is None:
            raise KeyError(path)
        return decode_entry(value)

    def __iter__(self) -> Iterator[str]:
        for path, _ in self.entries():
            yield path

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Yields (path, entry) of all files, folders and links in one pass."""
        for key, value in self._view.tree.items():
            self._view.check_open()
            if not key.startswith(b"/"):
                yield decode_key(key), decode_entry(value)


class View:
    """A commit of a repository and its content, read on demand.

    `ref` is the name the commit was found by, `id` its id, `commit` its metadata.
    """

    def __init__(self, engine: Engine, ref: str, id: ObjectId, commit: Commit) -> None:
        self._engine = engine
        self.ref = ref
        self.id = id
        self.commit = commit
        self._objects = _CommitObjects(engine, ref, id)
        self.tree = engine.maps.load(self._objects, commit.tree, Kind.RECORD)

    def __repr__(self) -> str:
        return f"<View {self.ref} {format_id(self.id)}>"

    def check_open(self) -> None:
        """Raises `RepositoryClosed` if the repository was closed."""
        self._engine.check_open()

    @property
    def files(self) -> ViewFiles:
        """The files, folders and links by path."""
        self.check_open()
        return ViewFiles(self)

    @property
    def messages(self) -> Records:
        """The messages that a program stored. Messages of an agent are in its files: see `iter_messages`."""
        entry = self.find_native(MESSAGES)
        return Records(self._objects, entry if isinstance(entry, ListEntry) else None)

    @property
    def memories(self) -> Memories:
        """The memories that a program stored."""
        entry = self.find_native(MEMORIES)
        return Memories(self._engine, self._objects, entry if isinstance(entry, MapEntry) else None)

    @property
    def is_native(self) -> bool:
        """Whether a program stored this commit through the library. Otherwise a source took it from an agent."""
        return not self.commit.source

    def find_native(self, key: bytes) -> Entry | None:
        """Returns the entry of the native list or map `key`, or None if the commit has none."""
        self.check_open()
        value = self.tree.find(key)
        return decode_entry(value) if value is not None else None

    def get_file(self, path: str) -> FileEntry:
        """Returns the entry of a file. Raises `NotFound` if `path` is not a file."""
        entry = self.files.get(path)
        if not isinstance(entry, FileEntry):
            raise NotFound(f"no file {path!r} in {self.ref}", hint=f"`ctx show {self.ref}` lists its files")
        return entry

    def iter_bytes(self, path: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yields a file's bytes from `start` to `stop` in blocks, each checked. Raises `NotFound`, `Corrupt`."""
        return read_content(self._objects, self.get_file(path), start, stop)

    def read(self, path: str) -> bytes:
        """Reads a whole file, each block checked. Raises `NotFound`, `Corrupt`."""
        return b"".join(self.iter_bytes(path))


def engine_of(view: View) -> Engine:
    """Returns the engine that a view is read with."""
    return view._engine


def dump_json(value: Json) -> bytes:
    """Encodes a JSON value as one line of ASCII. Lone surrogates in a str are preserved."""

    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
