"""The sources there are: built-in ones by name, others through the entry points ``ctxstore.sources``.

A built-in source is imported when it is asked for and not before, and the installed packages are searched
for entry points only for a name that is not built in: that search costs more than a whole snapshot may.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, cast

from ctxstore.errors import NotFound, SourceError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

    from ctxstore.sources.protocol import Source

GROUP = "ctxstore.sources"
"""The entry-point group. An entry's value is a class, called without arguments."""

BUILT_IN = {
    "aider": ("ctxstore.sources.aider", "Aider"),
    "claude-code": ("ctxstore.sources.claude_code", "ClaudeCode"),
    "cline": ("ctxstore.sources.cline", "Cline"),
    "codex": ("ctxstore.sources.codex", "Codex"),
    "continue": ("ctxstore.sources.continue_dev", "Continue"),
    "copilot": ("ctxstore.sources.copilot", "Copilot"),
    "cursor": ("ctxstore.sources.cursor", "Cursor"),
    "directory": ("ctxstore.sources.directory", "Directory"),
    "flowloom": ("ctxstore.sources.flowloom", "FlowLoom"),
    "gemini": ("ctxstore.sources.gemini", "Gemini"),
    "goose": ("ctxstore.sources.goose", "Goose"),
    "opencode": ("ctxstore.sources.opencode", "OpenCode"),
    "roo": ("ctxstore.sources.roo", "RooCode"),
}


def get_source(name: str) -> Source:
    """The source called `name`. Raises `NotFound`, or `SourceError` when a third party's can't be loaded."""
    if name in BUILT_IN:
        module, attribute = BUILT_IN[name]
        return cast("Source", getattr(import_module(module), attribute)())
    entries = _entry_points()
    if name not in entries.names:
        known = ", ".join(sorted({*BUILT_IN, *entries.names}))
        raise NotFound(f"no source named {name!r}", hint=f"known sources: {known}")
    try:
        return cast("Source", entries[name].load()())
    except Exception as error:  # a third party's code may raise anything
        raise SourceError(f"source {name!r} could not be loaded: {error}") from error


def iter_source_names(*, third_party: bool = False) -> Iterator[str]:
    """The built-in names in order; with `third_party`, the installed packages' after them."""
    yield from sorted(BUILT_IN)
    if third_party and _may_have_entry_points():
        yield from sorted(_entry_points().names - BUILT_IN.keys())


def iter_sources(*, third_party: bool = False) -> Iterator[Source]:
    """The built-in sources; with `third_party`, those of other installed packages too."""
    for name in iter_source_names(third_party=third_party):
        yield get_source(name)


def _may_have_entry_points() -> bool:
    """Whether any installed package mentions the group: 1 ms, against 35 for `importlib.metadata` itself."""
    return any(_mentions_group(entry.path) for folder in sys.path for entry in _scan(folder or "."))


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name.endswith((".dist-info", ".egg-info"))]
    except OSError:
        return []


def _mentions_group(path: str) -> bool:
    try:
        with open(os.path.join(path, "entry_points.txt"), "rb") as file:
            return GROUP.encode() in file.read()
    except OSError:
        return False


def _entry_points() -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)
