"""Records of one type, read from JSON however damaged it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient, split
from ctxstore.sources.jsonl.messages import Read

R = TypeVar("R", bound=msgspec.Struct)

Accept = Callable[[R, bytes], R | None]
"""A record and its bytes → the record; ``None`` if it is not one after all."""

Recover = Callable[[dict[str, Any]], R | None]
"""An object that only a lenient decoder reads → its record; ``None`` if it has none."""


class RecordReader(Generic[R]):
    """Reads records of the type `kind`, all of whose members are optional.

    `restart`: see `split`. `accept` checks each record that was decoded. `recover` makes the records of damaged lines;
    `record_of` is the default.
    """

    def __init__(
        self, kind: type[R], restart: str = "", accept: Accept[R] | None = None, recover: Recover[R] | None = None
    ) -> None:
        self._restart = restart
        self._accept = accept
        self._recover = recover or partial(record_of, kind=kind)
        self._decode = msgspec.json.Decoder(kind).decode

    def read(self, raw: bytes) -> list[tuple[bytes, R | None]]:
        """Returns the parts of a line, each with its record, or None if it is no record. Joined, the parts are equal to
        `raw`."""
        try:
            record = self._decode(raw)
            return [(raw, self._accept(record, raw) if self._accept else record)]
        except DECODE_ERRORS:
            return [(piece, self.decode(piece) if whole else None) for piece, whole in split(raw, self._restart)]

    def decode(self, piece: bytes) -> R | None:
        """Returns the record of one JSON object, or None if it is no record."""
        record: R | None
        try:
            record = self._decode(piece)
        except DECODE_ERRORS:
            value = decode_lenient(piece)
            record = None if value is None else self._recover(value)
        return record if record is None or self._accept is None else self._accept(record, piece)


class FullReader(Generic[R]):
    """Reads the records that `read_lines` finds, with all their members.

    `read_lines` decodes the members by which a record is counted, and decides which bytes are records. It is not called
    if a whole line decodes.
    """

    def __init__(self, kind: type[R], read_lines: Read[Any]) -> None:
        self._kind = kind
        self._read_lines = read_lines
        self._decode = msgspec.json.Decoder(kind).decode

    def read(self, raw: bytes) -> list[tuple[bytes, R | None]]:
        """Returns the pieces of a line, each with its record."""
        try:
            return [(raw, self._decode(raw))]
        except DECODE_ERRORS:
            return [(piece, self.decode(piece, line) if line else None) for piece, line in self._read_lines(raw)]

    def decode(self, piece: bytes, line: Any) -> R:
        """Returns the record of a piece that was found to be the record `line`."""
        try:
            return self._decode(piece)
        except DECODE_ERRORS:
            record = record_of(decode_lenient(piece) or {}, self._kind)
        record.type = line.type  # type: ignore[attr-defined]
        return record


def record_of(value: dict[str, Any], kind: type[R]) -> R:
    """Returns a record of the type `kind` with those members of `value` that fit it."""
    found = {}
    for field in msgspec.structs.fields(kind):
        if field.encode_name in value:
            member = _fitted(value[field.encode_name], field.type)
            if member is not msgspec.UNSET:
                found[field.name] = member
    return kind(**found)


def value_of(raw: msgspec.Raw) -> Any:
    """Returns the value of a member that was not decoded yet. Returns None if the member is missing or cannot be
    decoded."""
    if not memoryview(raw):
        return None
    try:
        return _decode_any(raw)
    except DECODE_ERRORS:
        return None


def _fitted(value: Any, type: Any) -> Any:
    """Returns the value as a member of this type, or `msgspec.UNSET` if it has another type."""
    if type is msgspec.Raw:
        return _raw_of(value)
    kinds = get_args(type) if isinstance(type, UnionType) else (type,)
    record: type[msgspec.Struct] | None = next((kind for kind in kinds if isinstance(kind, msgspec.StructMeta)), None)
    if record is None:
        return value
    if isinstance(value, dict):
        return record_of(value, record)
    others = tuple(get_origin(kind) or kind for kind in kinds if kind is not record)
    return value if isinstance(value, others) else msgspec.UNSET


def _raw_of(value: Any) -> msgspec.Raw | msgspec.UnsetType:
    """Encodes a value; returns `msgspec.UNSET` if that is impossible."""
    try:
        try:
            return msgspec.Raw(msgspec.json.encode(value))
        except UnicodeEncodeError:  # half a surrogate pair: only an escape can represent it
            return msgspec.Raw(json.dumps(value).encode())
    except DECODE_ERRORS:
        return msgspec.UNSET


_decode_any = msgspec.json.Decoder().decode
