"""CBOR from outside, decoded strictly: one value and nothing after it, and no tags but those a caller knows.

cbor2 gives tags meanings of its own (dates, regular expressions, values that hold themselves); to take none of
them, a decoder for every tag is named that refuses it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import cbor2

TagDecoder = Callable[[Any, bool], Any]
"""Gives what a tag with this value stands for. Raises `ValueError`, `TypeError`."""

_SENTINEL = os.urandom(8)
_END = cbor2.dumps(_SENTINEL)
_PAIR = b"\x82"


class Tags(dict[int, TagDecoder]):
    """Decoders of the tags that may occur; any other tag is refused."""

    def __missing__(self, tag: int) -> TagDecoder:
        return _refuse


NO_TAGS = Tags()


def _refuse(value: Any, is_immutable: bool) -> Any:
    raise ValueError("an unknown tag")


def decode_one(data: bytes, tags: Tags = NO_TAGS, max_depth: int = 16) -> Any:
    """The one value that `data` is. Raises any exception when it is not."""
    # What comes after the value is not seen by cbor2. So the value is made the first of two, and the other is one
    # that nobody outside of this process knows: it is found only where the value ends with the data.
    value, end = cbor2.loads(
        _PAIR + data + _END, semantic_decoders=tags, max_depth=max_depth + 1, allow_indefinite=False
    )
    if end != _SENTINEL:
        raise ValueError("more than one value")
    return value
