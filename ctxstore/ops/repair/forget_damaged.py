"""Lets go of what stays damaged, so that the rest is whole: contexts go back to their newest whole commit."""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import DAMAGED, Forgotten
from ctxstore.history.oplog import iter_ops
from ctxstore.history.refs import is_context
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId
from ctxstore.ops.check.impact import MetadataChecker, iter_commits, required_commits
from ctxstore.ops.repair.guess_heads import find_commit
from ctxstore.ops.repair.object_sources import FallbackStore

REASON = f"{DAMAGED}part of it is lost"


class ForgottenDamage(NamedTuple):
    """The commits that are forgotten now, and the tags that keep a damaged one (which only its user can give up)."""

    commits: tuple[ObjectId, ...]
    tags: tuple[str, ...]


def give_up(
    engine: Engine, stock: FallbackStore, root: RepositoryState, missing: set[bytes]
) -> tuple[RepositoryState, ForgottenDamage]:
    """The root in which damaged commits are forgotten, and no context's newest."""
    health = MetadataChecker(engine, missing.__contains__)
    is_held = required_commits(engine, root)
    whole: set[ObjectId] = set()
    damaged: dict[ObjectId, None] = {}
    forgotten = engine.forgotten(root)
    for _, id, commit in iter_commits(engine, root):
        if not is_held(id) and (commit is not None or forgotten.is_given_up(id)):
            continue
        if commit is None or health.tree(commit.tree):
            damaged[id] = None
        else:
            whole.add(id)
    refs = engine.refs(root)
    heads = list(refs.iter_all())
    lost = [head for head in heads if head[1] in damaged and is_context(head[0])]
    search = _Search(engine, stock, root, heads, whole)
    moved = {name: search.newest_whole(name, id) for name, id in lost}
    tags = tuple(name for name, id in heads if id in damaged and name not in moved)
    for name, id in heads:
        if name in tags:
            damaged.pop(id, None)  # several tags may name it
    now = engine.environment.clock()
    marks: dict[ObjectId, Forgotten | None] = dict.fromkeys(damaged, Forgotten(now, REASON))
    new = root._replace(
        refs=refs.updated(engine.maps, stock, moved),
        forgotten=forgotten.updated(engine.maps, stock, marks),
    )
    return new, ForgottenDamage(tuple(damaged), tags)


class _Search:
    """Looks for what contexts were before what is damaged."""

    def __init__(
        self,
        engine: Engine,
        stock: FallbackStore,
        root: RepositoryState,
        heads: Iterable[tuple[str, ObjectId]],
        whole: Set[ObjectId],
    ) -> None:
        self._engine = engine
        self._stock = stock
        self._root = root
        self._whole = whole
        self._called: dict[ObjectId, list[str]] = {}
        for name, id in heads:
            self._called.setdefault(id, []).append(name)

    def newest_whole(self, name: str, head: ObjectId) -> ObjectId | None:
        """The newest whole commit that a context's damaged one was made from: along first parents, and if none is
        whole, along those that were merged in. None: the context goes, and what it was stays in the log.

        Not simply the newest that was made for a context of that name: a fork or a renamed context has others' commits,
        and what was undone, or merged into another context, is no earlier state of this one.
        """
        met = {head}
        waiting = [head]
        while waiting:
            id = waiting.pop()
            if id in self._whole:
                return id
            commit = find_commit(self._stock, id)
            if commit is not None:
                older = commit.parents
            else:
                before = self._find_before(name, met)
                older = (before,) if before is not None else ()
            waiting += (each for each in reversed(older) if each not in met)
            met.update(older)
        return None

    def _find_before(self, name: str, met: Set[ObjectId]) -> ObjectId | None:
        """Where a context was before it came to the commits `met`, of which a record is lost: by the newest list of
        contexts from before."""
        # It may have had another name then, or be a fork of one that is there.
        names = list(dict.fromkeys((name, *(other for id in met for other in self._called.get(id, ())))))
        found: ObjectId | None = None
        try:
            for _, op in iter_ops(self._engine.store, self._root.op):
                told = [each.ref for each in op.changes if each.old in met or each.new in met]
                names += (each for each in told if each not in names)
                refs = self._engine.refs_at(op.refs)
                there = [id for each in reversed(names) if (id := refs.find(each)) is not None]
                if told or not met.isdisjoint(there):
                    found = None
                elif found is None and there:
                    found = there[0]
        except (Corrupt, NotFound):
            pass  # what older ops tell is not known
        return found
