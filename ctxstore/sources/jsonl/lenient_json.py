"""Reads as much as possible from lines that are not one valid JSON object.

Real transcripts contain two objects on a line, an object appended to a truncated one, NULs left by a crash, a byte
order mark, half a character, or half a surrogate pair.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

DECODE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)
"""The errors of decoders for bytes that they do not expect."""

_MAX_FAILURES = 16
"""The most searches of a line for another start of a record: each may read all of it."""

_JUNK = " \t\r\n\0\xef\xbb\xbf"
"""May stand between records: white space, NULs, the bytes of a byte order mark."""


def split(raw: bytes, restart: str = "") -> list[tuple[bytes, bool]]:
    """Divides a line into complete JSON objects (true) and other bytes (false). Joined, the results are equal to `raw`.

    `restart` is the start of this agent's records, with which an object inside a record never starts. It finds a record
    that was appended to a truncated one.
    """
    text = raw.decode("latin-1")  # a character a byte, so positions are the same
    pieces: list[tuple[bytes, bool]] = []
    start, at, failures = 0, _skip(text, 0), 0
    while at < len(text) and failures < _MAX_FAILURES:
        end = _end_of_object(text, at)
        if end is None:
            failures += 1
            at = text.find(restart, at + 1) if restart else -1
            if at < 0:
                break
            continue
        if text[start:at].strip(_JUNK):
            pieces.append((raw[start:at], False))
            start = at
        at = _skip(text, end)
        pieces.append((raw[start:at], True))
        start = at
    if start < len(raw):
        pieces.append((raw[start:], False))
    return pieces


def decode_lenient(raw: bytes) -> dict[str, Any] | None:
    """Returns the JSON object in `raw` if Python can decode it in any way, else None."""
    try:
        text = raw.strip(_JUNK.encode("latin-1")).decode("utf-8", "replace")
        value = json.loads(text, strict=False, parse_int=_parse_int)
    except DECODE_ERRORS:
        return None
    return value if isinstance(value, dict) else None


def decode_lenient_end(text: str, at: int) -> int:
    """Returns the end of the value that starts at `at`, in bytes decoded as Latin-1. Raises one of `DECODE_ERRORS`."""
    return _decoder.raw_decode(text, at)[1]


def _end_of_object(text: str, at: int) -> int | None:
    if text[at] != "{":
        return None
    try:
        return _decoder.raw_decode(text, at)[1]
    except DECODE_ERRORS:
        return None


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _JUNK:
        at += 1
    return at


def _parse_int(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:  # longer than Python's limit for text
        return digits


_decoder = json.JSONDecoder(strict=False, parse_int=_parse_int)
