"""A FlowLoom session's ``metadata.json`` as one message, and its summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.content import json_object
from ctxstore.sources.protocol import Attributes, Message, Part, unknown_message

LIMIT = 1 << 20
"""Larger metadata are stored unchanged, and not understood."""

TITLES = ("title", "name", "purpose", "description")


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields one message with the whole file; more if it is too large to be understood."""
    held = b""
    for block in blocks:
        held += bytes(block)
        if len(held) > LIMIT:
            yield unknown_message(held, offset)
            offset += len(held)
            held = b""
    if held:
        yield _message(held, offset)


def _message(raw: bytes, offset: int) -> Message:
    value = json_object(raw)
    if not value:
        return unknown_message(raw, offset)
    parts = (Part("text", first_text(value, TITLES) or "", data=value),)
    time = first_text(
        value, ("lastActivity", "updatedAt", "updated_at", "created", "createdAt", "created_at", "startTime")
    )
    id = first_text(value, ("sessionId", "session_id", "id")) or f"@{offset}"
    return Message(id, "meta", parts, time, None, raw, offset)


def first_text(value: dict[str, Any], names: tuple[str, ...]) -> str | None:
    """Returns the first text among the members called `names`, on one line."""
    found = (value.get(name) for name in names)
    return next((" ".join(each.split())[:80] for each in found if isinstance(each, str) and each.strip()), None)


_PROJECTS = ("projectPath", "project_path", "workingDirectory", "working_directory", "worktree", "cwd")


class MetadataScanner:
    """The attributes of a session. The file is rewritten each time, so nothing can be read from its end alone."""

    def __init__(self, before: Attributes | None = None) -> None:
        self._data: bytes | None = b"" if before is None else None

    def feed(self, block: bytes) -> None:
        """Reads the next bytes."""
        if self._data is not None:
            data = self._data + block
            self._data = data if len(data) <= LIMIT else None

    def finish(self) -> Attributes:
        """Returns the attributes, once the file ended."""
        if self._data is None:
            return Attributes(agent="FlowLoom")
        value = json_object(self._data)
        return Attributes(first_text(value, TITLES), "FlowLoom", first_text(value, ("model",)), _project(value), 0)


make_scanner = MetadataScanner


def _project(value: dict[str, Any]) -> str | None:
    paths = (value.get(name) for name in _PROJECTS)
    return next((path for path in paths if isinstance(path, str) and path.startswith("/")), None)
