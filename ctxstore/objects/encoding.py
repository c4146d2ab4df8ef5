"""The encoding of structures (deterministic CBOR) and of records (JSON values). docs/format/objects.md is normative.

Structures use integer keys in ascending order and shortest lengths (RFC 8949 §4.2.1). Records keep the order of an
object's keys, because JSON → record → JSON is the identity. A repository may come from anyone, so the decoders refuse
bytes after the value, unknown tags, and values that cannot be encoded again.
"""

from __future__ import annotations

from types import NoneType
from typing import Any

import cbor2

from ctxstore.errors import Corrupt, InvalidInput
from ctxstore.packs.cbor import Tags, decode_one
from ctxstore.packs.format import MAX_OBJECT

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
"""A value as `json.loads` returns it."""

MAX_DEPTH = 200
"""The most levels of nested arrays and objects in a record."""

TOO_LARGE = 10**4300
"""The smallest magnitude of integers that `json` refuses: Python neither formats nor parses more than 4,300 digits."""

SURROGATES = 27_680
"""The CBOR tag (not assigned by IANA) of a text with lone surrogates. Its value is UTF-8 with ``surrogatepass``."""


def encode_structure(value: Any) -> bytes:
    """Encodes a structure of ints, bytes, texts, lists, None, bools and dicts with int keys in ascending order."""
    return cbor2.dumps(value)


def decode_structure(data: bytes) -> Any:
    """Decodes a structure. Raises `Corrupt`."""
    try:
        return decode_one(data, _STRUCTURE_TAGS)
    except Exception as error:  # cbor2 raises many types on damaged input
        raise Corrupt("an object is unreadable") from error


def encode_record(value: Json) -> bytes:
    """Encodes a JSON value. Raises `InvalidInput` if it has other types, nests too deep or is too large."""
    plain = _checked(value, MAX_DEPTH)
    data = cbor2.dumps(plain)
    if len(data) > MAX_OBJECT:
        raise InvalidInput(
            f"a record of {len(data):,} bytes is too large", hint=f"split it: the limit is {MAX_OBJECT:,} bytes"
        )
    return data


def _checked(value: Any, depth: int) -> Any:
    """Checks a JSON value and returns it in a form that cbor2 can encode: texts with lone surrogates are tagged."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _text(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind is int:
        if not -TOO_LARGE < value < TOO_LARGE:
            raise InvalidInput("an integer has more than 4,300 digits", hint="store it as a string")
        return value
    if depth == 0:
        raise InvalidInput(f"a record nests more than {MAX_DEPTH} levels deep", hint="store it less deeply nested")
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
        raise InvalidInput(f"a record's key is of type {type(key).__name__}", hint="use str keys")
    return key if key.isascii() else _text(key)


def _text(text: str) -> Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        return cbor2.CBORTag(SURROGATES, text.encode("utf-8", "surrogatepass"))
    return text


def decode_record(data: bytes) -> Json:
    """Decodes the bytes from `encode_record` to the same JSON value. Raises `Corrupt`."""
    try:
        value: Json = decode_one(data, _RECORD_TAGS, MAX_DEPTH)
        if type(value) not in _PLAIN:
            _require_json(value)
    except Exception as error:  # cbor2 raises many types on damaged input
        raise Corrupt("a record is unreadable") from error
    return value


_PLAIN = frozenset((str, int, float, bool, NoneType))


def _require_json(value: Any) -> None:
    """Raises `TypeError` if a value is not JSON. CBOR also has byte strings, `undefined`, and keys of any type."""
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
        raise ValueError("integer has too many digits")
    return number


_STRUCTURE_TAGS = Tags({2: _large, 3: _large_negative})
"""The tags of large integers. Some file systems have times that need more than 64 bits in nanoseconds."""
_RECORD_TAGS = Tags({**_STRUCTURE_TAGS, SURROGATES: _text_with_surrogates})
