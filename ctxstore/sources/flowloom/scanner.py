"""The summary of a FlowLoom session."""

from __future__ import annotations

from typing import Any

from ctxstore.sources.flowloom.transcript import LIMIT, TITLES, first_text, metadata_of
from ctxstore.sources.protocol import Attributes

_PROJECTS = ("projectPath", "project_path", "workingDirectory", "working_directory", "worktree", "cwd")


class MetadataScanner:
    """The attributes of a session. The file is rewritten each time, so nothing can be read from its end alone."""

    def __init__(self, before: Attributes | None = None) -> None:
        self._data: bytes | None = b"" if before is None else None

    def feed(self, block: bytes) -> None:
        """The next bytes."""
        if self._data is not None:
            data = self._data + block
            self._data = data if len(data) <= LIMIT else None

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        if self._data is None:
            return Attributes(agent="FlowLoom")
        value = metadata_of(self._data)
        return Attributes(first_text(value, TITLES), "FlowLoom", first_text(value, ("model",)), _project(value), 0)


make_scanner = MetadataScanner


def _project(value: dict[str, Any]) -> str | None:
    paths = (value.get(name) for name in _PROJECTS)
    return next((path for path in paths if isinstance(path, str) and path.startswith("/")), None)
