"""The homes of a source: in the user's home folder, at a path that a user names, or in the projects worked in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from ctxstore.errors import NotFound
from ctxstore.sources.protocol import Source, SourceHome


@runtime_checkable
class HomeAt(Protocol):
    """Protocol of a source that resolves ``SOURCE:PATH`` itself, in place of the general function `home_at`."""

    def home_at(self, path: str, environ: Mapping[str, str]) -> SourceHome:
        """Returns the home at a path that a user names. Raises `NotFound`."""


@runtime_checkable
class ProjectHomes(Protocol):
    """Protocol of a source whose agent keeps its data in each project. Nothing lists all of these projects."""

    name: str
    agent: str

    def is_project(self, path: str) -> bool:
        """Whether the agent has data in this folder."""


def label_of(path: str, environ: Mapping[str, str]) -> str:
    """Returns the folder that a restored home puts `path` in: relative to HOME, else absolute without its leading
    slash."""
    home = environ.get("HOME", "")
    inside = os.path.isabs(home) and path.startswith(os.path.join(os.path.abspath(home), ""))
    return os.path.relpath(path, home) if inside else path.lstrip("/")


def home_at(source: Source, path: str, environ: Mapping[str, str]) -> SourceHome:
    """Returns the home of `source` at `path`: a copy of the agent's folder, another user's, a project. Raises
    `NotFound`."""
    if isinstance(source, HomeAt):
        return source.home_at(path, environ)
    place = os.path.abspath(path)
    if not os.path.isdir(place):
        raise NotFound(f"no such folder: {path}", hint=f"name a folder of {source.agent}'s: {source.name}:PATH")
    if isinstance(source, ProjectHomes) and not source.is_project(place):
        raise NotFound(f"no data of {source.agent} was found in {path}")
    return SourceHome(source.name, place, label_of(place, environ))


def nearest_project(source: ProjectHomes, environ: Mapping[str, str]) -> list[SourceHome]:
    """Returns the nearest folder from PWD upwards that the agent has data in. The search stops at the home folder."""
    folder, home = environ.get("PWD", ""), environ.get("HOME", "")
    if not os.path.isabs(folder):
        return []
    folder = os.path.normpath(folder)
    while not source.is_project(folder):
        parent = os.path.dirname(folder)
        if folder == parent or (home and folder == os.path.normpath(home)):
            return []
        folder = parent
    return [SourceHome(source.name, folder, label_of(folder, environ))]
