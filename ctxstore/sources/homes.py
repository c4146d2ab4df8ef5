"""Where a source's roots are: in the home, at a path somebody names, or in the projects worked in."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from ctxstore.errors import NotFound
from ctxstore.sources.directory import label_of
from ctxstore.sources.protocol import Root, Source


@runtime_checkable
class RootAt(Protocol):
    """A source that knows better than `root_at` what a path means."""

    def root_at(self, path: str, environ: Mapping[str, str]) -> Root:
        """The root at a path that somebody names. Raises `NotFound`."""


@runtime_checkable
class OfProjects(Protocol):
    """A source whose agent keeps its data in the projects it works in, so that no place lists them all."""

    name: str
    agent: str

    def is_project(self, path: str) -> bool:
        """Whether the agent has data in this folder."""


def root_at(source: Source, path: str, environ: Mapping[str, str]) -> Root:
    """The root of `source` at `path`: a copy of the agent's folder, another user's, a project. Raises `NotFound`."""
    if isinstance(source, RootAt):
        return source.root_at(path, environ)
    place = os.path.abspath(path)
    if not os.path.isdir(place):
        raise NotFound(f"no such folder: {path}", hint=f"name a folder of {source.agent}'s: {source.name}:PATH")
    if isinstance(source, OfProjects) and not source.is_project(place):
        raise NotFound(f"no data of {source.agent} was found in {path}")
    return Root(source.name, place, label_of(place, environ))


def nearest_project(source: OfProjects, environ: Mapping[str, str]) -> list[Root]:
    """The nearest folder from PWD upwards that the agent has data in. Inside the home folder, none above it."""
    folder, home = environ.get("PWD", ""), environ.get("HOME", "")
    if not os.path.isabs(folder):
        return []
    folder = os.path.normpath(folder)
    while not source.is_project(folder):
        parent = os.path.dirname(folder)
        if folder == parent or (home and folder == os.path.normpath(home)):
            return []
        folder = parent
    return [Root(source.name, folder, label_of(folder, environ))]
