"""Object identity: 32 bytes of keyed BLAKE3, and how they are shown."""

from __future__ import annotations

import enum
from typing import Any, NewType

from blake3 import blake3

from ctxstore.errors import InvalidInput

ObjectId = NewType("ObjectId", bytes)

ID_SIZE = 32
SHORT = 8
"""Hex digits shown to a person."""

PUBLIC_KEY = blake3(b"ctxstore public object id key, version 1").digest()
"""The id key of every repository that is not encrypted."""


class Kind(enum.IntEnum):
    """What an object's bytes are. Numbers are part of the format (docs/format/objects.md)."""

    CHUNK = 1
    NODE = 2
    LIST = 3
    MAP = 4
    RECORD = 5
    COMMIT = 6
    OP = 7

    @property
    def is_data(self) -> bool:
        """Content (kept in data frames), as against structure (kept in metadata frames)."""
        return self in (Kind.CHUNK, Kind.RECORD)


class IdKeys:
    """Computes ids: one derived key a kind, so that kinds can never collide."""

    __slots__ = ("_keys", "boundary")

    def __init__(self, repo_key: bytes = PUBLIC_KEY) -> None:
        self._keys = {
            int(kind): blake3(repo_key, derive_key_context=f"ctxstore 1 object id {kind.name.lower()}").digest()
            for kind in Kind
        }
        self.boundary = blake3(repo_key, derive_key_context="ctxstore 1 map boundary").digest()

    def id_of(self, kind: int, data: bytes | memoryview) -> ObjectId:
        """The id of an object of `kind` with these bytes."""
        return ObjectId(blake3(data, key=self._keys[kind]).digest())

    def key_of(self, kind: int) -> bytes:
        """The BLAKE3 key for `kind`; for loops that hash many objects."""
        return self._keys[kind]


def as_id(value: Any) -> Any:
    """A decoded value that must be an id or None. Raises `ValueError`."""
    if value is not None and (type(value) is not bytes or len(value) != ID_SIZE):
        raise ValueError("not an id")
    return value


def format_id(id: bytes, digits: int = SHORT) -> str:
    """The id as hex, shortened to `digits`."""
    return id.hex()[:digits]


def parse_id(text: str) -> ObjectId:
    """A whole id from its 64 hex digits. Raises `InvalidInput`."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != ID_SIZE:
        raise InvalidInput(f"not an object id: {text!r}")
    return ObjectId(raw)
