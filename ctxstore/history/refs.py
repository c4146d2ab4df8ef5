"""Refs: a context's name and its newest commit."""

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
"""Names that begin like this are no contexts: a tag names a commit, a setting a record. No context has a ``:``."""

_FORBIDDEN = set("~^:@{}#*?[\\\x7f") | {chr(c) for c in range(33)}


def check_name(name: str) -> str:
    """The name, if a ref may have it. Raises `InvalidInput`."""
    require_text(name, "a context's name")
    parts = name.split("/")
    if not name or len(_encode(name)) > MAX_NAME or any(p in ("", ".", "..") for p in parts):
        raise InvalidInput(f"{name!r} is no name for a context", hint="use parts joined by /, such as chat/alice")
    if bad := sorted(set(name) & _FORBIDDEN):
        raise InvalidInput(f"{name!r} is no name for a context: it contains {bad[0]!r}")
    return name


def check_tag(name: str) -> str:
    """The tag's name as the refs map keeps it, given with or without ``tag:``. Raises `InvalidInput`."""
    require_text(name, "a tag's name")
    return TAG + check_name(name.removeprefix(TAG))


def is_context(name: str) -> bool:
    """Whether a name of the refs map is a context's."""
    return not name.startswith((TAG, SETTING))


def matches(name: str, pattern: str) -> bool:
    """Whether a context's name matches a glob, or `pattern` is a part of it."""
    if any(c in pattern for c in "*?["):
        return fnmatch.fnmatchcase(name, pattern)
    return pattern in name


def quote_name(text: str) -> str:
    """Any text as a part of a name: what names may not have becomes ``-``."""
    return "".join("-" if c in _FORBIDDEN else c for c in text) or "-"


class RefHead(NamedTuple):
    """A ref and the id it points to: a context's newest commit, a tag's commit, or a setting's record."""

    ref: str
    id: ObjectId


class Refs:
    """The refs at one moment."""

    __slots__ = ("_map",)

    def __init__(self, view: MapView) -> None:
        self._map = view

    @classmethod
    def load(cls, maps: Maps, getter: Getter, id: ObjectId) -> Refs:
        """Raises `NotFound`, `Corrupt`."""
        return cls(maps.load(getter, id, Kind.RECORD))

    def __len__(self) -> int:
        """Contexts, tags and settings."""
        return len(self._map)

    def find(self, name: str) -> ObjectId | None:
        """The newest commit of a context, what a tag or a setting names, or None."""
        value = self._map.find(_encode(name))
        return None if value is None else _id(value)

    def iter(self, prefix: str = "") -> Iterator[RefHead]:
        """(name, newest commit) of the contexts whose names start with `prefix`, sorted."""
        return (found for found in self.iter_all(prefix) if is_context(found.ref))

    def iter_all(self, prefix: str = "") -> Iterator[RefHead]:
        """(name, id) of contexts, tags and settings alike."""
        for key, value in self._map.prefixed(_encode(prefix)):
            yield RefHead(decode_name(key), _id(value))

    def tags(self) -> Iterator[tuple[str, ObjectId]]:
        """(name without ``tag:``, commit) of the tags, sorted."""
        return ((name.removeprefix(TAG), id) for name, id in self.iter_all(TAG))

    def settings(self) -> Iterator[tuple[str, ObjectId]]:
        """(name without ``setting:``, record) of the settings, sorted."""
        return ((name.removeprefix(SETTING), id) for name, id in self.iter_all(SETTING))

    def differences(self, new: Refs) -> Iterator[tuple[str, ObjectId | None, ObjectId | None]]:
        """(name, id here, id in `new`) of contexts, tags and settings that differ; None: not there."""
        for key, a, b in map_differences(self._map, new._map):
            yield decode_name(key), None if a is None else _id(a), None if b is None else _id(b)

    def updated(self, maps: Maps, putter: Putter, changes: Mapping[str, ObjectId | None]) -> ObjectId:
        """The id of the refs map with `changes` made; None removes a ref."""
        return maps.update(self._map, putter, {_encode(name): id for name, id in changes.items()})


def _encode(name: str) -> bytes:
    require_text(name, "a name")
    try:
        return name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{name!r} is no name for a context: it is not Unicode") from error


def decode_name(key: bytes) -> str:
    """A name from its key in the refs map."""
    return key.decode("utf-8", "surrogateescape")


def _id(value: bytes) -> ObjectId:
    if len(value) != ID_SIZE:
        raise Corrupt("a ref is malformed")
    return ObjectId(value)
