"""The projects a repository knows: of agents that keep their data in them, no place on the machine lists them."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.refs.cache_notes import read_values, write_values
from ctxstore.sources.homes import ProjectHomes
from ctxstore.sources.protocol import Source, SourceHome
from ctxstore.sources.registry import get_source

NAMES = ("aider", "flowloom")
"""The built-in sources of such agents. Others are asked for by path."""


VERSION = 1
_NOTE = "projects"


def known_projects(engine: Engine, *, remember: bool = True) -> list[tuple[Source, SourceHome]]:
    """The projects that contexts were saved of, as far as they are still there with something to save.

    One commit of each project is read; nothing, if no ref moved since they were noted, which `remember` does.
    """
    roots = _noted(engine)
    if roots is None:
        roots = _saved(engine)
        if remember:
            noted = [list(map(os.fsencode, root)) for root in roots]
            write_values(engine, _NOTE, VERSION, (engine.root().refs, noted))
    sources = {root.source: get_source(root.source) for root in roots}
    return [(sources[root.source], root) for root in roots if _is_there(sources[root.source], root)]


def _saved(engine: Engine) -> list[SourceHome]:
    refs = engine.refs(engine.root())
    heads = ((name, head) for name in NAMES for head in _one_of_each(refs.iter(name + "/")))
    found = (_root_of(engine, name, head) for name, head in heads)
    return [root for root in found if root is not None]


def _noted(engine: Engine) -> list[SourceHome] | None:
    """What was noted, if no ref moved since."""
    try:
        refs, roots = read_values(engine, _NOTE, VERSION) or []
        found = [SourceHome(*map(os.fsdecode, root)) for root in roots]
    except (TypeError, ValueError):
        return None
    return found if refs == engine.root().refs and all(root.source in NAMES for root in found) else None


def _is_there(source: Source, root: SourceHome) -> bool:
    return isinstance(source, ProjectHomes) and source.is_project(root.path)


def _one_of_each(refs: Iterator[tuple[str, ObjectId]]) -> list[ObjectId]:
    """A context of each group: a group is a project."""
    heads: dict[str, ObjectId] = {}
    for name, head in refs:
        heads.setdefault(name.rpartition("/")[0], head)
    return list(heads.values())


def _root_of(engine: Engine, source: str, head: ObjectId) -> SourceHome | None:
    try:
        commit = read_commit(engine.store, head)
    except (Corrupt, NotFound):
        return None  # `ctx check` tells; the others are saved
    is_path = commit.source == source and os.path.isabs(commit.root)
    return SourceHome(source, commit.root, commit.label) if is_path else None
