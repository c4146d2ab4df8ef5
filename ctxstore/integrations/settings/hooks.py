"""Hooks in settings of the shape Claude Code began and others took over: ``hooks: {EVENT: [{hooks: [...]}]}``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ctxstore.integrations.settings.json_edit import (
    ArrayElement,
    EditedText,
    JsonPath,
    add,
    find_paths,
    remove,
    value_at,
)

MARK = "# ctxstore"
"""Ends every command that is ours, so that it is found again."""

Made = Collection[tuple[str, ...]]


def is_ours(value: Any) -> bool:
    """Whether it is a hook `ctx install` wrote."""
    command = value.get("command") if isinstance(value, dict) else None
    return isinstance(command, str) and command.endswith(MARK)


def add_hooks(text: str, hooks: Mapping[str, dict[str, Any]], made: Made) -> EditedText:
    """The text with these hooks, by event, and without those of another version. Raises `InvalidInput`."""
    wanted = list(hooks.values())
    for path in find_paths(text, lambda value: is_ours(value) and value not in wanted):
        text = _take_out(text, path, made)
    return add(text, [ArrayElement(("hooks", event), {"hooks": [hook]}, _has(hook)) for event, hook in hooks.items()])


def _has(hook: dict[str, Any]) -> Any:
    return lambda group: isinstance(group, dict) and isinstance(group.get("hooks"), list) and hook in group["hooks"]


def take_hooks_out(text: str, made: Made) -> str:
    """The text without our hooks, and without what was made for them and is empty now."""
    for path in find_paths(text, is_ours):
        text = _take_out(text, path, made)
    return text


def _take_out(text: str, path: JsonPath, made: Made) -> str:
    text = remove(text, path)
    group = path[:-2]
    if value_at(text, group) == {"hooks": []}:
        text = remove(text, group)
    return prune(text, group[:-1], made)


def prune(text: str, path: JsonPath, made: Made) -> str:
    """The text without the empty containers that were made, from `path` outwards."""
    while path and path in made and value_at(text, path) in ({}, []):
        text = remove(text, path)
        path = path[:-1]
    return text
