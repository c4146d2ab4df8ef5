"""The positions of a JSON object's members in its bytes, so that one can be read or replaced and the rest kept."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

DECODE_ERRORS = (ValueError, RecursionError)
"""The errors of Python's decoder for text that it does not expect."""

_SPACE = re.compile("[ \t\r\n]*")
_BOM = "\xef\xbb\xbf"

decoder = json.JSONDecoder(strict=False, parse_int=len)
"""Finds where values end. Whole numbers are not worth converting, and long ones can't be."""


class JsonMember(NamedTuple):
    """A member of a JSON object: ``text[start:end]`` is the value of `key`. `end` is -1 for an array that was not
    read."""

    key: str
    start: int
    end: int


def text_of(data: bytes) -> str:
    """Returns the bytes as text with one character for each byte, so that positions are equal in both."""
    return data.decode("latin-1")


def skip(text: str, at: int) -> int:
    """Returns the position of the first character from `at` on that is not white space."""
    match = _SPACE.match(text, at)
    return match.end() if match else at


def start_of(text: str) -> int:
    """Returns the start of the document, after white space and a byte order mark."""
    return skip(text, len(_BOM) if text.startswith(_BOM) else 0)


def end_of(text: str, at: int) -> int:
    """Returns the end of the value at `at`. Raises `DECODE_ERRORS`."""
    return decoder.raw_decode(text, at)[1]


def members(text: str, into: str | None = None) -> list[JsonMember]:
    """Returns the complete members of the object at the start of `text`. Returns none if `text` starts with no object.

    With `into`, the last member is the first one of that key whose value is an array. That array is not read.
    """
    found: list[JsonMember] = []
    at = start_of(text)
    if text[at : at + 1] != "{":
        return found
    try:
        at = skip(text, at + 1)
        while text[at : at + 1] == '"':
            key, at = decoder.raw_decode(text, at)
            at = skip(text, at)
            if text[at : at + 1] != ":":
                break
            start = skip(text, at + 1)
            if key == into and text[start : start + 1] == "[":
                found.append(JsonMember(key, start, -1))
                break
            end = end_of(text, start)
            found.append(JsonMember(key, start, end))
            at = skip(text, end)
            if text[at : at + 1] != ",":
                break
            at = skip(text, at + 1)
    except DECODE_ERRORS:
        pass
    return found


def replace(data: bytes, values: dict[str, bytes]) -> bytes:
    """Returns the object with other values for some of its members, each as JSON. All other bytes are unchanged."""
    found = {member.key: member for member in members(text_of(data)) if member.key in values}
    for member in sorted(found.values(), key=lambda member: -member.start):
        data = data[: member.start] + values[member.key] + data[member.end :]
    return data
