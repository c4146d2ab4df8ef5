"""Commits that no context and no tag reaches, and whether they can be restored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ctxstore.errors import CtxstoreError
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import SETTING
from ctxstore.ids import Kind, ObjectId
from ctxstore.ops.check.impact import MetadataChecker, iter_commits, required_commits

WHOLE, COLLECTED, DAMAGED = "whole", "collected", "damaged"


class UnreachableHistory(NamedTuple):
    """An unreachable commit. `commits` is the number of unreachable commits in its history, itself included.

    - `state`: whole (it can be restored), collected or damaged. A collected commit was forgotten or never published,
      and gc has deleted its content.
    - `forgotten`: the reason why the commit was forgotten, or empty.
    - `in_log`: whether an entry of the op log mentions the commit.

    If every commit is listed, `commits` is 1.
    """

    id: ObjectId
    commit: Commit
    commits: int
    state: str
    forgotten: str
    in_log: bool


def iter_unreachable(engine: Engine, *, all: bool = False) -> Iterator[UnreachableHistory]:
    """Yields the newest commit of every unreachable history, newest first. With `all` every unreachable commit is
    listed.

    If the newest commit of a history can't be restored, the newest one that can be restored is listed as well.
    """
    root = engine.root()
    logged = {id: commit for _, id, commit in iter_commits(engine, root) if commit is not None}
    known = {**logged, **_find_packed(engine, logged)}
    reachable = _ancestors(known, (id for name, id in engine.refs(root).iter_all() if not name.startswith(SETTING)))
    unreachable = {id: commit for id, commit in known.items() if id not in reachable}
    checker = MetadataChecker(engine, lambda id: engine.store.index.find_pack(id) is None)
    is_required = required_commits(engine, root)
    forgotten = engine.forgotten(root)

    def state_of(id: ObjectId) -> str:
        if not checker.tree(unreachable[id].tree):
            return WHOLE
        return DAMAGED if is_required(id) and id in logged else COLLECTED

    listed = unreachable if all else _newest(unreachable, state_of)
    for id in sorted(listed, key=lambda id: (-unreachable[id].time, id)):
        mark = forgotten.find(id)
        commits = 1 if all else len(_ancestors(unreachable, [id]))
        yield UnreachableHistory(id, unreachable[id], commits, state_of(id), mark.reason if mark else "", id in logged)


def _newest(unreachable: dict[ObjectId, Commit], state_of: Callable[[ObjectId], str]) -> Iterator[ObjectId]:
    """Yields the commits without an unreachable descendant, and those without a descendant that can be restored."""
    parents = {parent for commit in unreachable.values() for parent in commit.parents}
    covered: set[ObjectId] = set()
    for id in sorted(unreachable, key=lambda id: -unreachable[id].generation):
        is_restorable = id in covered or state_of(id) == WHOLE
        if id not in parents or (is_restorable and id not in covered):
            yield id
        if is_restorable:
            covered.update(unreachable[id].parents)


def _find_packed(engine: Engine, logged: dict[ObjectId, Commit]) -> dict[ObjectId, Commit]:
    """Returns commits in packs that no run mentions: from writers that lost a race, or from a damaged op log."""
    found = {}
    for id in engine.iter_packed(Kind.COMMIT):
        if id not in logged:
            try:
                found[id] = read_commit(engine.store, id)
            except CtxstoreError:
                continue
    return found


def _ancestors(known: dict[ObjectId, Commit], start: Iterable[ObjectId]) -> set[ObjectId]:
    """Returns the commits of `known` that are in `start` or are ancestors of those."""
    found: set[ObjectId] = set()
    waiting = list(start)
    while waiting:
        id = waiting.pop()
        if id in known and id not in found:
            found.add(id)
            waiting.extend(known[id].parents)
    return found
