"""Hooks in settings of the form ``hooks: {EVENT: [{hooks: [...]}]}``, as in Claude Code, Codex and Gemini CLI."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ctxstore.integrations.settings.json_edit import (
    ArrayElement,
    EditedText,
    JsonPath,
    add_parts,
    find_paths,
    remove_part,
    value_at,
)

MARK = "# ctxstore"
"""The comment at the end of every command of ctxstore, by which it is recognized."""

Containers = Collection[tuple[str, ...]]
"""The paths of objects and lists that an edit created."""


def is_ours(value: Any) -> bool:
    """Whether the value is a hook written by `ctx install`."""
    command = value.get("command") if isinstance(value, dict) else None
    return isinstance(command, str) and command.endswith(MARK)


def add_hooks(text: str, hooks: Mapping[str, dict[str, Any]], containers: Containers) -> EditedText:
    """Adds hooks by event, and removes those of another version of ctxstore. Raises `InvalidInput`."""
    wanted = list(hooks.values())
    for path in find_paths(text, lambda value: is_ours(value) and value not in wanted):
        text = _remove_hook(text, path, containers)
    elements = [ArrayElement(("hooks", event), {"hooks": [hook]}, _contains(hook)) for event, hook in hooks.items()]
    return add_parts(text, elements)


def _contains(hook: dict[str, Any]) -> Any:
    return lambda group: isinstance(group, dict) and isinstance(group.get("hooks"), list) and hook in group["hooks"]


def remove_hooks(text: str, containers: Containers) -> str:
    """Removes the hooks of ctxstore, and the containers that were created for them if they are empty."""
    for path in find_paths(text, is_ours):
        text = _remove_hook(text, path, containers)
    return text


def _remove_hook(text: str, path: JsonPath, containers: Containers) -> str:
    text = remove_part(text, path)
    group = path[:-2]
    if value_at(text, group) == {"hooks": []}:
        text = remove_part(text, group)
    return prune(text, group[:-1], containers)


def prune(text: str, path: JsonPath, containers: Containers) -> str:
    """Removes the empty containers that an edit created, from `path` outwards."""
    while path and path in containers and value_at(text, path) in ({}, []):
        text = remove_part(text, path)
        path = path[:-1]
    return text
