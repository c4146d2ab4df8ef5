"""A strict decoder for untrusted CBOR: exactly one value, no bytes after it, and only tags that the caller allows.

cbor2 gives some tags a meaning (dates, regular expressions, self-referencing values). To disable that, this
module passes cbor2 a decoder for every tag. Unless the caller allows the tag, that decoder refuses it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import cbor2

TagDecoder = Callable[[Any, bool], Any]
"""A function that decodes one tag. It gets the tagged value and cbor2's `is_immutable` flag, and returns the decoded
value. It raises `ValueError` or `TypeError` if the tagged value is invalid."""

_SENTINEL = os.urandom(8)
_END = cbor2.dumps(_SENTINEL)
_PAIR = b"\x82"


class Tags(dict[int, TagDecoder]):
    """A table of the allowed tags and their decoders. Any other tag is refused."""

    def __missing__(self, tag: int) -> TagDecoder:
        return _refuse


NO_TAGS = Tags()


def _refuse(value: Any, is_immutable: bool) -> Any:
    raise ValueError("unknown tag")


def decode_one(data: bytes, tags: Tags = NO_TAGS, max_depth: int = 16) -> Any:
    """Decodes `data`, which must be exactly one CBOR value. If it is not, raises an exception of any type."""
    # cbor2 ignores bytes after a value. So `data` becomes the first item of an array of two. The second item is random
    # and unknown outside this process: it decodes to `_SENTINEL` only if the value ends exactly where `data` ends.
    value, end = cbor2.loads(
        _PAIR + data + _END, semantic_decoders=tags, max_depth=max_depth + 1, allow_indefinite=False
    )
    if end != _SENTINEL:
        raise ValueError("bytes after the value")
    return value
