"""The projects that a repository has contexts of.

Some agents keep their data in the projects themselves, and nothing on the machine lists those projects. The
repository's commits record the folders of those projects.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.refs.cache_notes import read_values, write_values
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.homes import ProjectHomes
from ctxstore.sources.protocol import Source, SourceHome
from ctxstore.sources.registry import get_source

PROJECT_SOURCES = tuple(name for name, agent in AGENTS.items() if agent.projects)
"""The built-in sources of agents that keep their data in projects. For other such sources the user names the path."""


VERSION = 1
_NOTE = "projects"


def known_projects(engine: Engine, *, remember: bool = True) -> list[Target]:
    """Returns the projects that contexts were saved from. Projects that no longer exist or have no data are left out.

    One commit per project is read. With `remember` the result is cached. While no ref moves, the cached list is used.
    """
    homes = _read_note(engine)
    if homes is None:
        homes = _find_saved(engine)
        if remember:
            encoded = [list(map(os.fsencode, home)) for home in homes]
            write_values(engine, _NOTE, VERSION, (engine.root().refs, encoded))
    sources = {home.source: get_source(home.source) for home in homes}
    return [Target(sources[home.source], home) for home in homes if _is_project(sources[home.source], home)]


def _find_saved(engine: Engine) -> list[SourceHome]:
    """Reads one commit of each project, and returns where the project was."""
    refs = engine.refs(engine.root())
    heads = ((name, head) for name in PROJECT_SOURCES for head in _one_head_per_project(refs.iter(name + "/")))
    found = (_home_of(engine, name, head) for name, head in heads)
    return [home for home in found if home is not None]


def _read_note(engine: Engine) -> list[SourceHome] | None:
    """Returns the cached list, or None if it is unreadable or a ref moved since it was written."""
    try:
        refs, homes = read_values(engine, _NOTE, VERSION) or []
        found = [SourceHome(*map(os.fsdecode, home)) for home in homes]
    except (TypeError, ValueError):
        return None
    return found if refs == engine.root().refs and all(home.source in PROJECT_SOURCES for home in found) else None


def _is_project(source: Source, home: SourceHome) -> bool:
    """Whether the agent has data at this path."""
    return isinstance(source, ProjectHomes) and source.is_project(home.path)


def _one_head_per_project(refs: Iterator[tuple[str, ObjectId]]) -> list[ObjectId]:
    """Returns the head of one context per project. A project is a group of contexts."""
    heads: dict[str, ObjectId] = {}
    for name, head in refs:
        heads.setdefault(name.rpartition("/")[0], head)
    return list(heads.values())


def _home_of(engine: Engine, source: str, head: ObjectId) -> SourceHome | None:
    """Returns the project that a commit was made from, or None if the commit is unreadable or records no such path."""
    try:
        commit = read_commit(engine.store, head)
    except (Corrupt, NotFound):
        return None  # `ctx check` reports it; the other projects are still saved
    is_path = commit.source == source and os.path.isabs(commit.root)
    return SourceHome(source, commit.root, commit.label) if is_path else None
