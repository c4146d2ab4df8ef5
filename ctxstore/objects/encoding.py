"""Deterministic CBOR for structures, and JSON values as records. docs/format/objects.md is normative.

Structures use integer keys in ascending order and shortest lengths (RFC 8949 §4.2.1). Records keep the
order of an object's keys, because JSON → record → JSON is the identity.
"""

from __future__ import annotations

from typing import Any, cast

import cbor2

from ctxstore.errors import Corrupt, InvalidInput
from ctxstore.packs.format import MAX_OBJECT

Json = None | bool | int | float | str | list[Any] | dict[str, Any]
"""What `json.loads` gives."""

MAX_DEPTH = 200
"""Nested arrays and objects a record may have."""

SURROGATES = 27_680
"""CBOR tag (unassigned by IANA) of a text with lone surrogates: a byte string, UTF-8 with ``surrogatepass``."""


def encode_structure(value: Any) -> bytes:
    """Deterministic CBOR of ints, bytes, texts, lists, None, bools and int-keyed dicts in key order."""
    return cbor2.dumps(value)


def decode_structure(data: bytes) -> Any:
    """Raises `Corrupt`."""
    try:
        return cbor2.loads(data)
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
    if value is None or kind is bool or kind is int or kind is float:
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
        value = cbor2.loads(data, tag_hook=_untag)
    except Exception as error:  # cbor2 raises many types on damaged input
        raise Corrupt("a record is unreadable") from error
    return cast(Json, value)


def _untag(*arguments: Any) -> Any:
    # cbor2 passes (decoder, tag) before version 6 and (tag, immutable) since.
    tag = next(a for a in arguments if isinstance(a, cbor2.CBORTag))
    if tag.tag != SURROGATES or not isinstance(tag.value, bytes):
        raise Corrupt("a record has an unknown tag")
    return tag.value.decode("utf-8", "surrogatepass")
