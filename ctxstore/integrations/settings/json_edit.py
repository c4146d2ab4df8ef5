"""Additions to a JSON text, and their removal. All other bytes are kept.

A new part follows the last part of its container, or the opening bracket of an empty one. So its removal restores the
previous text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ctxstore.errors import InvalidInput
from ctxstore.integrations.settings.json_scan import JsonPart, scan

JsonPath = tuple[str | int, ...]

_UNCHANGED = "correct the file; nothing was changed"


class ObjectMember(NamedTuple):
    """A member to add to an object, or to give this value."""

    path: tuple[str, ...]
    value: Any


class ArrayElement(NamedTuple):
    """An element to add to a list, unless an element for which `is_present` is true exists."""

    path: tuple[str, ...]
    value: Any
    is_present: Callable[[Any], bool]


Addition = ObjectMember | ArrayElement


class EditedText(NamedTuple):
    """A text with additions, and the paths of the containers created for them, outermost first."""

    text: str
    containers: tuple[tuple[str, ...], ...]


def add_parts(text: str, additions: Sequence[Addition]) -> EditedText:
    """Adds the missing parts. Parts that exist are not moved. Raises `InvalidInput`."""
    containers: list[tuple[str, ...]] = []
    if not isinstance(scan(text).value, dict):
        raise InvalidInput("the file is JSON, but not an object", hint=_UNCHANGED)
    for addition in additions:
        if isinstance(addition, ObjectMember):
            text = _add_member(text, addition.path, addition.value, containers)
        else:
            text = _add_element(text, addition, containers)
    return EditedText(text, tuple(containers))


def _add_member(text: str, path: tuple[str, ...], value: Any, containers: list[tuple[str, ...]]) -> str:
    part = scan(text)
    for depth, key in enumerate(path):
        if not isinstance(part.value, dict):
            raise InvalidInput(f"{'.'.join(path[:depth])} is not an object", hint=_UNCHANGED)
        below = part.find(key)
        if below is None:
            containers += [path[:end] for end in range(depth + 1, len(path))]
            for name in reversed(path[depth + 1 :]):
                value = {name: value}
            return _insert(text, part, f"{json.dumps(key)}: ", value)
        part = below
    return text if part.value == value else _replace(text, part, value)


def _add_element(text: str, addition: ArrayElement, containers: list[tuple[str, ...]]) -> str:
    part: JsonPart | None = scan(text)
    for key in addition.path:
        part = part.find(key) if part is not None else None
    if part is None:
        text = _add_member(text, addition.path, [addition.value], containers)
        containers.append(addition.path)
        return text
    if not isinstance(part.value, list):
        raise InvalidInput(f"{'.'.join(addition.path)} is not a list", hint=_UNCHANGED)
    if any(addition.is_present(each) for each in part.value):
        return text
    return _insert(text, part, "", addition.value)


def remove_part(text: str, path: JsonPath) -> str:
    """Removes the part at `path`, if it exists, and its comma. Comments are kept."""
    container = _find(scan(text), path[:-1])
    part = container.find(path[-1]) if container is not None else None
    if container is None or part is None:
        return text
    index = container.parts.index(part)
    if index > 0:
        before = container.parts[index - 1].end
        return text[:before] + _comments(text[before : part.outer_start]) + text[part.end :]
    if len(container.parts) > 1:
        return text[: part.outer_start] + text[container.parts[1].outer_start :]
    after = text[part.end : container.end - 1]
    comma = re.match(r"\s*,", after)
    start = container.start + 1
    return (
        text[:start]
        + _comments(text[start : part.outer_start])
        + (after[comma.end() :] if comma else after)
        + text[container.end - 1 :]
    )


def find_paths(text: str, is_wanted: Callable[[Any], bool]) -> list[JsonPath]:
    """Returns the paths of all wanted values, last first, so that removing one keeps the remaining paths valid."""
    found: list[JsonPath] = []
    pending: list[tuple[JsonPath, JsonPart]] = [((), scan(text))]
    while pending:
        path, part = pending.pop()
        if path and is_wanted(part.value):
            found.append(path)
            continue
        keys = [child.key if isinstance(part.value, dict) else index for index, child in enumerate(part.parts)]
        pending += [((*path, key), child) for key, child in zip(keys, part.parts, strict=True)]
    return found


def value_at(text: str, path: JsonPath) -> Any:
    """Returns the value at a path, or None if the path does not exist."""
    part = _find(scan(text), path)
    return part.value if part is not None else None


def _find(part: JsonPart, path: JsonPath) -> JsonPart | None:
    found: JsonPart | None = part
    for key in path:
        found = found.find(key) if found is not None else None
    return found


def _comments(gap: str) -> str:
    """Returns the comments in the gap between two parts, which are kept if one of the parts is removed."""
    kept = "".join(re.findall(r"//[^\r\n]*|/\*.*?\*/|\s+", gap, re.DOTALL))
    return kept.rstrip(" \t") if kept.strip() else ""


def _insert(text: str, part: JsonPart, head: str, value: Any) -> str:
    """Adds a new last child to a container."""
    if part.parts:
        last = part.parts[-1]
        line = text.rfind("\n", 0, last.outer_start) + 1
        indent = text[line : last.outer_start]
        alone = line > part.start and not indent.strip()
        gap = f",{_newline(text)}{indent}" if alone else ", "
        return text[: last.end] + gap + head + _dump(text, value, indent if alone else None) + text[last.end :]
    at = part.start + 1
    inside = text[at : part.end - 1]
    if "\n" not in inside:
        return text[:at] + head + _dump(text, value, None) + text[at:]
    line = text.rfind("\n", 0, part.end) + 1
    closing = text[line : part.end - 1]
    indent = (closing if not closing.strip() else "") + _unit(text)
    return text[:at] + _newline(text) + indent + head + _dump(text, value, indent) + text[at:]


def _replace(text: str, part: JsonPart, value: Any) -> str:
    line = text.rfind("\n", 0, part.outer_start) + 1
    indent = text[line : part.outer_start]
    is_spread = "\n" in text[part.start : part.end] and not indent.strip()
    return text[: part.start] + _dump(text, value, indent if is_spread else None) + text[part.end :]


def _dump(text: str, value: Any, indent: str | None) -> str:
    """Formats a value as several lines, indented below a line that begins with `indent`, or as one line."""
    if indent is None:
        return json.dumps(value, ensure_ascii=False)
    dumped = json.dumps(value, indent=_unit(text), ensure_ascii=False)
    return dumped.replace("\n", _newline(text) + indent)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    """Returns the indentation that the text uses for one level."""
    found = re.search(r"^[{\[]\s*?\n([ \t]+)\S", text.lstrip("\ufeff"), re.MULTILINE)
    return found[1] if found else "  "
