"""Lets go of what stays damaged, so that the rest is whole: contexts go back to their newest whole commit."""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.history.commits import Commit
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import DAMAGED, Forgotten
from ctxstore.history.refs import is_context
from ctxstore.history.root import Root
from ctxstore.ids import ObjectId
from ctxstore.ops.damage import Health, held_commits, iter_commits
from ctxstore.ops.repair.stock import Stock

REASON = f"{DAMAGED}part of it is lost"


class GivenUp(NamedTuple):
    """The commits that are forgotten now, and the tags that keep a damaged one (which only its user can give up)."""

    commits: tuple[ObjectId, ...]
    tags: tuple[str, ...]


def give_up(engine: Engine, stock: Stock, root: Root, missing: set[bytes]) -> tuple[Root, GivenUp]:
    """The root in which damaged commits are forgotten, and no context's newest."""
    health = Health(engine, missing.__contains__)
    is_held = held_commits(engine, root)
    whole: dict[str, tuple[int, int, ObjectId]] = {}
    damaged: dict[ObjectId, None] = {}
    for ref, id, commit in iter_commits(engine, root):
        if commit is None or (is_held(id) and health.tree(commit.tree)):
            damaged[id] = None
        elif is_held(id):
            whole[ref] = max(_rank(id, commit), whole.get(ref, _rank(id, commit)))
    refs = engine.refs(root)
    heads = list(refs.iter_all())
    moved = {name: _newest(whole, name) for name, id in heads if id in damaged and is_context(name)}
    tags = tuple(name for name, id in heads if id in damaged and name not in moved)
    for name, id in heads:
        if name in tags:
            del damaged[id]
    now = engine.environment.clock()
    marks: dict[ObjectId, Forgotten | None] = dict.fromkeys(damaged, Forgotten(now, REASON))
    new = root._replace(
        refs=refs.updated(engine.maps, stock, moved),
        forgotten=engine.forgotten(root).updated(engine.maps, stock, marks),
    )
    return new, GivenUp(tuple(damaged), tags)


def _rank(id: ObjectId, commit: Commit) -> tuple[int, int, ObjectId]:
    return commit.generation, commit.time, id


def _newest(whole: dict[str, tuple[int, int, ObjectId]], name: str) -> ObjectId | None:
    """A context's newest whole commit; a context without any goes, and what it was stays in the log."""
    return whole[name][-1] if name in whole else None
