"""Parses JSON with comments and trailing commas, and records the position of every part."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from ctxstore.errors import InvalidInput

MAX_DEPTH = 200
_GAP = re.compile(r"(?:[ \t\r\n]+|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')
_SCALAR = re.compile(r"(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])")


class JsonPart(NamedTuple):
    """A value in a text: `text[start:end]`. For an object's member, `outer_start` is the start of its key."""

    value: Any
    start: int
    end: int
    parts: tuple[JsonPart, ...] = ()
    key: str = ""
    outer_start: int = 0

    def find(self, key: str | int) -> JsonPart | None:
        """Finds a member or an element. Of duplicate members, the last one counts, as in all parsers."""
        if isinstance(key, int):
            return self.parts[key] if isinstance(self.value, list) and key < len(self.parts) else None
        members = self.parts if isinstance(self.value, dict) else ()
        return next((part for part in reversed(members) if part.key == key), None)


def scan(text: str) -> JsonPart:
    """Parses a text that contains a single value. Raises `InvalidInput` with the line of an error."""
    start = _after_gap(text, 1 if text.startswith("\ufeff") else 0)
    part = _value(text, start, 0)
    if _after_gap(text, part.end) != len(text):
        raise _syntax_error(text, part.end)
    return part


def _after_gap(text: str, at: int) -> int:
    found = _GAP.match(text, at)
    assert found is not None
    return found.end()


def _syntax_error(text: str, at: int) -> InvalidInput:
    line = text.count("\n", 0, at) + 1
    return InvalidInput(f"line {line} is not valid JSON", hint="correct the file; nothing was changed")


def _value(text: str, at: int, depth: int) -> JsonPart:
    if depth > MAX_DEPTH:
        raise _syntax_error(text, at)
    if text[at : at + 1] == "{":
        return _container(text, at, "}", depth)
    if text[at : at + 1] == "[":
        return _container(text, at, "]", depth)
    found = _STRING.match(text, at) or _SCALAR.match(text, at)
    if found is None:
        raise _syntax_error(text, at)
    try:
        return JsonPart(json.loads(found[0]), at, found.end())
    except ValueError:  # an integer of thousands of digits
        raise _syntax_error(text, at) from None


def _container(text: str, start: int, closing: str, depth: int) -> JsonPart:
    parts: list[JsonPart] = []
    at = _after_gap(text, start + 1)
    while text[at : at + 1] != closing:
        part = _member(text, at, depth) if closing == "}" else _value(text, at, depth + 1)._replace(outer_start=at)
        parts.append(part)
        at = _after_gap(text, part.end)
        if text[at : at + 1] == ",":
            at = _after_gap(text, at + 1)
        elif text[at : at + 1] != closing:
            raise _syntax_error(text, at)
    value: Any = {part.key: part.value for part in parts} if closing == "}" else [part.value for part in parts]
    return JsonPart(value, start, at + 1, tuple(parts))


def _member(text: str, at: int, depth: int) -> JsonPart:
    name = _STRING.match(text, at)
    if name is None:
        raise _syntax_error(text, at)
    colon = _after_gap(text, name.end())
    if text[colon : colon + 1] != ":":
        raise _syntax_error(text, colon)
    return _value(text, _after_gap(text, colon + 1), depth + 1)._replace(key=json.loads(name[0]), outer_start=at)
