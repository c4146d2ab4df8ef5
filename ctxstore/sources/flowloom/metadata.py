"""What a session's ``metadata.json`` says of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.protocol import Attributes, Message, Part

_LIMIT = 1 << 20
"""Larger metadata are kept as they are, and not understood."""

_TITLES = ("title", "name", "purpose", "description")
_PROJECTS = ("projectPath", "project_path", "workingDirectory", "working_directory", "worktree", "cwd")


class MetadataScanner:
    """The attributes of a session. The file is written anew each time, so its end alone says nothing."""

    def __init__(self, *, is_whole: bool) -> None:
        self._data: bytes | None = b"" if is_whole else None

    def feed(self, block: bytes) -> None:
        """The next bytes."""
        if self._data is not None:
            data = self._data + block
            self._data = data if len(data) <= _LIMIT else None

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        if self._data is None:
            return Attributes(agent="FlowLoom")
        value = _value(self._data)
        return Attributes(_first(value, _TITLES), "FlowLoom", _first(value, ("model",)), _project(value), 0)


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """One message with the whole file; more if it is too large to be understood."""
    held = b""
    for block in blocks:
        held += bytes(block)
        if len(held) > _LIMIT:
            yield Message(f"@{offset}", "unknown", (), None, None, held, offset)
            offset += len(held)
            held = b""
    if held:
        yield _message(held, offset)


def _message(raw: bytes, offset: int) -> Message:
    value = _value(raw)
    if not value:
        return Message(f"@{offset}", "unknown", (), None, None, raw, offset)
    parts = (Part("text", _first(value, _TITLES) or "", data=value),)
    time = _first(value, ("lastActivity", "updatedAt", "updated_at", "created", "createdAt", "created_at", "startTime"))
    id = _first(value, ("sessionId", "session_id", "id")) or f"@{offset}"
    return Message(id, "meta", parts, time, None, raw, offset)


def _value(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _first(value: dict[str, Any], names: tuple[str, ...]) -> str | None:
    found = (value.get(name) for name in names)
    return next((" ".join(each.split())[:80] for each in found if isinstance(each, str) and each.strip()), None)


def _project(value: dict[str, Any]) -> str | None:
    paths = (value.get(name) for name in _PROJECTS)
    return next((path for path in paths if isinstance(path, str) and path.startswith("/")), None)
