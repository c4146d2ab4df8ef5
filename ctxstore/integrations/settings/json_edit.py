"""Additions to a JSON text, and taking them out again. All other bytes stay.

What is added to a container goes right behind what was last in it, or right behind its bracket if it was empty: taking
it out from there on leaves what was there before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ctxstore.errors import InvalidInput
from ctxstore.integrations.settings.json_scan import JsonPart, scan

JsonPath = tuple[str | int, ...]


class ObjectMember(NamedTuple):
    """An object's member that is to be there, with this value."""

    path: tuple[str, ...]
    value: Any


class ArrayElement(NamedTuple):
    """An element that is to be in a list, unless one is there that `is_it`."""

    path: tuple[str, ...]
    value: Any
    is_it: Callable[[Any], bool]


Addition = ObjectMember | ArrayElement


class EditedText(NamedTuple):
    """A text with additions, and the containers made for them, outermost first."""

    text: str
    made: tuple[tuple[str, ...], ...]


def add(text: str, additions: Sequence[Addition]) -> EditedText:
    """The text with all additions. What is there already stays where it is. Raises `InvalidInput`."""
    made: list[tuple[str, ...]] = []
    if not isinstance(scan(text).value, dict):
        raise InvalidInput("it is JSON, but no object", hint="correct it first; nothing was changed")
    for addition in additions:
        if isinstance(addition, ObjectMember):
            text = _add_member(text, addition.path, addition.value, made)
        else:
            text = _add_element(text, addition, made)
    return EditedText(text, tuple(made))


def _add_member(text: str, path: tuple[str, ...], value: Any, made: list[tuple[str, ...]]) -> str:
    part = scan(text)
    for depth, key in enumerate(path):
        if not isinstance(part.value, dict):
            raise InvalidInput(f"{'.'.join(path[:depth])} is no object", hint="correct it first; nothing was changed")
        below = part.find(key)
        if below is None:
            made += [path[:end] for end in range(depth + 1, len(path))]
            for name in reversed(path[depth + 1 :]):
                value = {name: value}
            return _insert(text, part, f"{json.dumps(key)}: ", value)
        part = below
    return text if part.value == value else _replace(text, part, value)


def _add_element(text: str, addition: ArrayElement, made: list[tuple[str, ...]]) -> str:
    part: JsonPart | None = scan(text)
    for key in addition.path:
        part = part.find(key) if part is not None else None
    if part is None:
        text = _add_member(text, addition.path, [addition.value], made)
        made.append(addition.path)
        return text
    if not isinstance(part.value, list):
        raise InvalidInput(f"{'.'.join(addition.path)} is no list", hint="correct it first; nothing was changed")
    if any(addition.is_it(each) for each in part.value):
        return text
    return _insert(text, part, "", addition.value)


def remove(text: str, path: JsonPath) -> str:
    """The text without the part there, and the comma that goes with it; comments stay. As it is if there is none."""
    above = _find(scan(text), path[:-1])
    part = above.find(path[-1]) if above is not None else None
    if above is None or part is None:
        return text
    index = above.parts.index(part)
    if index > 0:
        before = above.parts[index - 1].end
        return text[:before] + _comments(text[before : part.at]) + text[part.end :]
    if len(above.parts) > 1:
        return text[: part.at] + text[above.parts[1].at :]
    after = text[part.end : above.end - 1]
    comma = re.match(r"\s*,", after)
    start = above.start + 1
    return (
        text[:start]
        + _comments(text[start : part.at])
        + (after[comma.end() :] if comma else after)
        + text[above.end - 1 :]
    )


def find_paths(text: str, is_wanted: Callable[[Any], bool]) -> list[JsonPath]:
    """The paths of all values that are wanted, last first: so each stays right when those before it were removed."""
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
    """The value there, or None."""
    part = _find(scan(text), path)
    return part.value if part is not None else None


def _find(part: JsonPart, path: JsonPath) -> JsonPart | None:
    found: JsonPart | None = part
    for key in path:
        found = found.find(key) if found is not None else None
    return found


def _comments(gap: str) -> str:
    """What of the space between two parts has to stay when one of them goes: nothing but comments."""
    kept = "".join(re.findall(r"//[^\r\n]*|/\*.*?\*/|\s+", gap, re.DOTALL))
    return kept.rstrip(" \t") if kept.strip() else ""


def _insert(text: str, part: JsonPart, head: str, value: Any) -> str:
    """Put a new last child into a container."""
    if part.parts:
        last = part.parts[-1]
        line = text.rfind("\n", 0, last.at) + 1
        indent = text[line : last.at]
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
    line = text.rfind("\n", 0, part.at) + 1
    indent = text[line : part.at]
    is_spread = "\n" in text[part.start : part.end] and not indent.strip()
    return text[: part.start] + _dump(text, value, indent if is_spread else None) + text[part.end :]


def _dump(text: str, value: Any, indent: str | None) -> str:
    """The value as text: over several lines that continue one that begins with `indent`, or on one."""
    if indent is None:
        return json.dumps(value, ensure_ascii=False)
    dumped = json.dumps(value, indent=_unit(text), ensure_ascii=False)
    return dumped.replace("\n", _newline(text) + indent)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _unit(text: str) -> str:
    """What the text indents by."""
    found = re.search(r"^[{\[]\s*?\n([ \t]+)\S", text.lstrip("\ufeff"), re.MULTILINE)
    return found[1] if found else "  "
