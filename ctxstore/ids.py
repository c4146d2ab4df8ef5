"""Object ids: 32 bytes of keyed BLAKE3, and their text form."""

from __future__ import annotations

import enum
from typing import Any, NewType

from blake3 import blake3

from ctxstore.errors import InvalidInput

ObjectId = NewType("ObjectId", bytes)

ID_SIZE = 32
SHORT = 8
"""The number of hex digits shown to a person."""

PUBLIC_KEY = blake3(b"ctxstore public object id key, version 1").digest()
"""The id key of every repository that is not encrypted."""


class Kind(enum.IntEnum):
    """The kinds of objects. The numbers are part of the format (docs/format/objects.md)."""

    CHUNK = 1
    NODE = 2
    LIST = 3
    MAP = 4
    RECORD = 5
    COMMIT = 6
    OP = 7

    @property
    def is_data(self) -> bool:
        """Whether objects of this kind are content, which goes to data frames. The others are structure."""
        return self in (Kind.CHUNK, Kind.RECORD)


class IdKeys:
    """Computes ids. Each kind has its own derived key, so that objects of different kinds never have the same id."""

    __slots__ = ("_keys", "boundary")

    def __init__(self, repo_key: bytes = PUBLIC_KEY) -> None:
        self._keys = {
            int(kind): blake3(repo_key, derive_key_context=f"ctxstore 1 object id {kind.name.lower()}").digest()
            for kind in Kind
        }
        self.boundary = blake3(repo_key, derive_key_context="ctxstore 1 map boundary").digest()

    def id_of(self, kind: int, data: bytes | memoryview) -> ObjectId:
        """Returns the id of an object of `kind` with these bytes."""
        return ObjectId(blake3(data, key=self._keys[kind]).digest())

    def key_of(self, kind: int) -> bytes:
        """Returns the BLAKE3 key of `kind`, for loops that hash many objects."""
        return self._keys[kind]


def as_id(value: Any) -> Any:
    """Returns a decoded value that must be an id or None. Raises `ValueError` if it is neither."""
    if value is not None and (type(value) is not bytes or len(value) != ID_SIZE):
        raise ValueError("not an id")
    return value


def format_id(id: bytes, digits: int = SHORT) -> str:
    """Formats an id as its first `digits` hex digits."""
    return id.hex()[:digits]


def parse_id(text: str) -> ObjectId:
    """Parses a full id from its 64 hex digits. Raises `InvalidInput`."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != ID_SIZE:
        raise InvalidInput(f"{text!r} is not an object id", hint="an id has 64 hex digits")
    return ObjectId(raw)
