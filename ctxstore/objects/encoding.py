"""Deterministic CBOR for structures, and JSON values as records. docs/format/objects.md is normative.

Structures use integer keys in ascending order and shortest lengths (RFC 8949 §4.2.1). Records keep the
order of an object's keys, because JSON → record → JSON is the identity. Neither has anything after it, nor
what its decoder could not give back: a repository may have been made by anybody.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

import cbor2

from ctxstore.errors import Corrupt, InvalidInput
from ctxstore.packs.cbor import Tags, decode_one
from ctxstore.packs.format import MAX_OBJECT

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
"""What `json.loads` gives."""

MAX_DEPTH = 200
"""Nested arrays and objects a record may have."""

TOO_LARGE = 10**4300
"""The first integer, of either sign, that Python writes and reads no digits of: `json` refuses it."""

SURROGATES = 27_680
"""CBOR tag (unassigned by IANA) of a text with lone surrogates: a byte string, UTF-8 with ``surrogatepass``."""


def encode_structure(value: Any) -> bytes:
    """Deterministic CBOR of ints, bytes, texts, lists, None, bools and int-keyed dicts in key order."""
    return cbor2.dumps(value)


def decode_structure(data: bytes) -> Any:
    """Raises `Corrupt`."""
    try:
        return decode_one(data, _STRUCTURE_TAGS)
    except Exception as error:  # cbor2 raises many types on damaged input
        raise Corrupt("an object is unreadable") from error


def encode_record(value: Json) -> bytes:
    """The bytes of a JSON value. Raises `InvalidInput` for what JSON does not have, or nests too deep."""
    plain = _checked(value, MAX_DEPTH)
    data = cbor2.dumps(plain)
    if len(data) > MAX_OBJECT:
        raise InvalidInput(f"a record of {len(data)} bytes is too large", hint=f"the limit is {MAX_OBJECT} bytes")
    return data


def _checked(value: Any, depth: int) -> Any:
    """The value as cbor2 takes it; the same object unless a text in it has lone surrogates."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _text(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        if not -TOO_LARGE < value < TOO_LARGE:
            raise InvalidInput("an integer has more than 4,300 digits", hint="keep it as a string")
        return value
    if depth == 0:
        raise InvalidInput(f"a record nests more than {MAX_DEPTH} deep")
    if kind is list:
        return [_checked(item, depth - 1) for item in value]
    if kind is dict:
        return {_key(key): _checked(item, depth - 1) for key, item in value.items()}
    raise InvalidInput(
        f"{kind.__name__} is not a JSON value",
        hint="use None, bool, int, float, str, list and dict with str keys",
    )


def _key(key: Any) -> Any:
    if type(key) is not str:
        raise InvalidInput(f"a key of a record is {type(key).__name__}, not str")
    return key if key.isascii() else _text(key)


def _text(text: str) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        return cbor2.CBORTag(SURROGATES, text.encode("utf-8", "surrogatepass"))
    return text


def decode_record(data: bytes) -> Json:
    """The JSON value `encode_record` was given. Raises `Corrupt`."""
    try:
        value: Json = decode_one(data, _RECORD_TAGS, MAX_DEPTH)
        if type(value) not in _PLAIN:
            _require_json(value)
    except Exception as error:  # cbor2 raises many types on damaged input
        raise Corrupt("a record is unreadable") from error
    return value


_PLAIN = frozenset((str, int, float, bool, NoneType))


def _require_json(value: Any) -> None:
    """Raises `TypeError` unless a container holds JSON values only: CBOR has byte strings, undefined and any keys."""
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError("not a key")
            if type(item) not in _PLAIN:
                _require_json(item)
    elif type(value) is list:
        for item in value:
            if type(item) not in _PLAIN:
                _require_json(item)
    else:
        raise TypeError("not a JSON value")


def _text_with_surrogates(value: Any, is_immutable: bool) -> str:
    if type(value) is not bytes:
        raise TypeError("not a text")
    return value.decode("utf-8", "surrogatepass")


def _large(value: Any, is_immutable: bool) -> int:
    if type(value) is not bytes or len(value) <= 8 or not value[0]:
        raise ValueError("not a large integer")
    return _writable(int.from_bytes(value))


def _large_negative(value: Any, is_immutable: bool) -> int:
    return _writable(-1 - _large(value, is_immutable))


def _writable(number: int) -> int:
    if not -TOO_LARGE < number < TOO_LARGE:
        raise ValueError("an integer that can't be written as digits")
    return number


_STRUCTURE_TAGS = Tags({2: _large, 3: _large_negative})
"""Large integers: some file systems keep times that need more than 64 bits as nanoseconds."""
_RECORD_TAGS = Tags({**_STRUCTURE_TAGS, SURROGATES: _text_with_surrogates})
