"""The hashes by which a conversation's values refer to pieces of it."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

_HASH = 32
_HEX = re.compile(rb"[0-9a-f]{64}")
_STATE = re.compile(r'"conversationState"\s*:\s*"~?([A-Za-z0-9+/_=-]*)"')
_DEPTH = 8


def references_in(value: Any) -> set[str]:
    """Returns the hashes by which a value may refer to others: in hex, or as 32 bytes in a protocol buffers message.

    A text that only looks like a hash does no harm, because no value has that name.
    """
    data = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b""
    found = {match.decode() for match in _HEX.findall(data)}
    if isinstance(value, str):
        for match in _STATE.finditer(value):
            text = match[1].replace("-", "+").replace("_", "/")
            try:
                found |= _in_message(b64decode(text + "=" * (-len(text) % 4)), _DEPTH)
            except ValueError:
                pass
    else:
        found |= _in_message(data, _DEPTH)
    return found


def _in_message(data: bytes, depth: int) -> set[str]:
    """Returns the fields of 32 bytes in a message and in the messages within it. Returns none if the bytes are not a
    message."""
    found: set[str] = set()
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            _, at = _varint(data, at)
        elif kind == 2:
            size, at = _varint(data, at)
            if at < 0 or at + size > end:
                return set()
            field = data[at : at + size]
            at += size
            if size == _HASH:
                found.add(field.hex())
            elif size > _HASH and depth:
                found |= _in_message(field, depth - 1)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            return set()
        if at < 0:
            return set()
    return found


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Returns a number and the position after it. The position is -1 if there is no number."""
    value = shift = 0
    while 0 <= at < len(data) and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1
