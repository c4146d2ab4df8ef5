"""Refs: names of contexts, tags and settings, each with the id of a commit or record."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import Corrupt, InvalidInput, require_text
from ctxstore.ids import ID_SIZE, Kind, ObjectId
from ctxstore.trees.maps import Maps, MapView, map_differences
from ctxstore.trees.sequence import Getter, Putter

MAX_NAME = 1024

TAG = "tag:"
SETTING = "setting:"
"""The prefixes of refs that are not contexts: a tag names a commit, a setting names a record. A context's name cannot
contain ``:``."""

_FORBIDDEN = set("~^:@{}#*?[\\\x7f") | {chr(c) for c in range(33)}


def check_name(name: str) -> str:
    """Returns `name` if it is a valid name of a context. Raises `InvalidInput` if it is not."""
    require_text(name, "a context's name")
    parts = name.split("/")
    if not name or len(_encode(name)) > MAX_NAME or any(p in ("", ".", "..") for p in parts):
        raise InvalidInput(f"{name!r} is not a valid context name", hint="use parts joined by /, such as chat/alice")
    if bad := sorted(set(name) & _FORBIDDEN):
        raise InvalidInput(
            f"{name!r} is not a valid context name: it contains {bad[0]!r}", hint="use letters, digits, - and _"
        )
    return name


def check_tag(name: str) -> str:
    """Returns a tag's key in the refs map. `name` may start with ``tag:``. Raises `InvalidInput` if it is invalid."""
    require_text(name, "a tag's name")
    return TAG + check_name(name.removeprefix(TAG))


def is_context(name: str) -> bool:
    """Whether a key of the refs map is the name of a context."""
    return not name.startswith((TAG, SETTING))


def matches(name: str, pattern: str) -> bool:
    """Whether `name` matches `pattern`: a glob, or without ``*?[`` any part of the name."""
    if is_glob(pattern):
        return fnmatch.fnmatchcase(name, pattern)
    return pattern in name


def selects(name: str, pattern: str) -> bool:
    """Whether `pattern` names this context: its full name, or a glob that matches it.

    For commands that remove something: a part of a name must not select a neighbour.
    """
    return name == pattern or (is_glob(pattern) and fnmatch.fnmatchcase(name, pattern))


def is_glob(pattern: str) -> bool:
    """Whether the pattern has a wildcard."""
    return any(c in pattern for c in "*?[")


def quote_name(text: str) -> str:
    """Turns any text into a part of a name. Each character that is not allowed becomes ``-``."""
    return "".join("-" if c in _FORBIDDEN else c for c in text) or "-"


class RefHead(NamedTuple):
    """A ref and the id it points to: a context's newest commit, a tag's commit, or a setting's record."""

    ref: str
    id: ObjectId


class Refs:
    """The refs map at one moment."""

    __slots__ = ("_map",)

    def __init__(self, view: MapView) -> None:
        self._map = view

    @classmethod
    def load(cls, maps: Maps, getter: Getter, id: ObjectId) -> Refs:
        """Reads the refs map with this id. Raises `NotFound`, `Corrupt`."""
        return cls(maps.load(getter, id, Kind.RECORD))

    def __len__(self) -> int:
        """Returns the number of contexts, tags and settings."""
        return len(self._map)

    def find(self, name: str) -> ObjectId | None:
        """Returns the id that a ref names, or None: the newest commit, the tagged commit, or the setting's record."""
        value = self._map.find(_encode(name))
        return None if value is None else _id(value)

    def iter(self, prefix: str = "") -> Iterator[RefHead]:
        """Yields the contexts whose names start with `prefix`, sorted by name."""
        return (found for found in self.iter_all(prefix) if is_context(found.ref))

    def iter_all(self, prefix: str = "") -> Iterator[RefHead]:
        """Yields the contexts, tags and settings whose names start with `prefix`, sorted by name."""
        for key, value in self._map.prefixed(_encode(prefix)):
            yield RefHead(decode_name(key), _id(value))

    def tags(self) -> Iterator[tuple[str, ObjectId]]:
        """Yields (name without ``tag:``, commit) of the tags, sorted by name."""
        return ((name.removeprefix(TAG), id) for name, id in self.iter_all(TAG))

    def settings(self) -> Iterator[tuple[str, ObjectId]]:
        """Yields (name without ``setting:``, record) of the settings, sorted by name."""
        return ((name.removeprefix(SETTING), id) for name, id in self.iter_all(SETTING))

    def differences(self, new: Refs) -> Iterator[tuple[str, ObjectId | None, ObjectId | None]]:
        """Yields (name, id here, id in `new`) of the refs that differ. None means that the ref does not exist there."""
        for key, a, b in map_differences(self._map, new._map):
            yield decode_name(key), None if a is None else _id(a), None if b is None else _id(b)

    def updated(self, maps: Maps, putter: Putter, changes: Mapping[str, ObjectId | None]) -> ObjectId:
        """Stores a copy of the map with `changes` applied, and returns the id of the copy.

        `changes` maps each ref to its new id, or to None to remove the ref.
        """
        return maps.update(self._map, putter, {_encode(name): id for name, id in changes.items()})


def _encode(name: str) -> bytes:
    require_text(name, "a name")
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{name!r} is not a valid context name: it is not Unicode") from error


def decode_name(key: bytes) -> str:
    """Decodes a key of the refs map to a name."""
    return key.decode("utf-8", "surrogateescape")


def _id(value: bytes) -> ObjectId:
    if len(value) != ID_SIZE:
        raise Corrupt("a ref is malformed")
    return ObjectId(value)
