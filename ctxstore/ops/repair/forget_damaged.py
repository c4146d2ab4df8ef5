"""The forgetting of commits that stay damaged: each affected context moves back to its newest intact commit."""

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
"""The reason that is recorded with each forgotten commit."""


class ForgottenDamage(NamedTuple):
    """The damaged commits that a repair forgets, and the tags of damaged commits that it keeps.

    Only the user can decide to forget a tagged commit.
    """

    commits: tuple[ObjectId, ...]
    tags: tuple[str, ...]


def forget_damaged(
    engine: Engine, store: FallbackStore, root: RepositoryState, missing: set[bytes]
) -> tuple[RepositoryState, ForgottenDamage]:
    """Forgets the commits that need missing objects. Moves contexts with a damaged head to their newest intact commit.

    Returns the new state and a report. A context without an intact commit is removed.
    """
    checker = MetadataChecker(engine, missing.__contains__)
    is_required = required_commits(engine, root)
    intact: set[ObjectId] = set()
    damaged: dict[ObjectId, None] = {}
    forgotten = engine.forgotten(root)
    for _, id, commit in iter_commits(engine, root):
        if not is_required(id) and (commit is not None or forgotten.is_given_up(id)):
            continue
        if commit is None or checker.tree(commit.tree):
            damaged[id] = None
        else:
            intact.add(id)
    refs = engine.refs(root)
    heads = list(refs.iter_all())
    search = _IntactSearch(engine, store, root, heads, intact)
    moved = {name: search.newest_intact(name, id) for name, id in heads if id in damaged and is_context(name)}
    tags = tuple(name for name, id in heads if id in damaged and name not in moved)
    for name, id in heads:
        if name in tags:
            damaged.pop(id, None)  # absent if another tag names the same commit
    now = engine.environment.clock()
    marks: dict[ObjectId, Forgotten | None] = dict.fromkeys(damaged, Forgotten(now, REASON))
    new = root._replace(
        refs=refs.updated(engine.maps, store, moved),
        forgotten=forgotten.updated(engine.maps, store, marks),
    )
    return new, ForgottenDamage(tuple(damaged), tags)


class _IntactSearch:
    """Searches for the intact state that a context had before its damaged commits."""

    def __init__(
        self,
        engine: Engine,
        store: FallbackStore,
        root: RepositoryState,
        heads: Iterable[tuple[str, ObjectId]],
        intact: Set[ObjectId],
    ) -> None:
        self._engine = engine
        self._store = store
        self._root = root
        self._intact = intact
        self._names: dict[ObjectId, list[str]] = {}
        for name, id in heads:
            self._names.setdefault(id, []).append(name)

    def newest_intact(self, name: str, head: ObjectId) -> ObjectId | None:
        """Returns the newest intact ancestor of a damaged head, or None.

        Follows first parents. If none of them is intact, follows merged parents. The search considers ancestors only,
        not all commits made for a context of this name. A fork or a renamed context has commits made for other names.
        Commits that were undone, or merged into another context, are not earlier states of this one.
        """
        visited = {head}
        queue = [head]
        while queue:
            id = queue.pop()
            if id in self._intact:
                return id
            commit = find_commit(self._store, id)
            if commit is not None:
                older = commit.parents
            else:
                before = self._find_before(name, visited)
                older = (before,) if before is not None else ()
            queue += (each for each in reversed(older) if each not in visited)
            visited.update(older)
        return None

    def _find_before(self, name: str, visited: Set[ObjectId]) -> ObjectId | None:
        """Returns the head that a context had before it moved to the commits in `visited`, or None if it had none.

        This replaces the parents of a commit whose record is lost. The head comes from the refs of the newest op before
        that move.
        """
        # The context may have had another name then, or be a fork of an existing one.
        names = list(dict.fromkeys((name, *(other for id in visited for other in self._names.get(id, ())))))
        found: ObjectId | None = None
        try:
            for _, op in iter_ops(self._engine.store, self._root.op):
                changed = [each.ref for each in op.changes if each.old in visited or each.new in visited]
                names += (each for each in changed if each not in names)
                refs = self._engine.refs_at(op.refs)
                heads = [id for each in reversed(names) if (id := refs.find(each)) is not None]
                if changed or not visited.isdisjoint(heads):
                    found = None
                elif found is None and heads:
                    found = heads[0]
        except (Corrupt, NotFound):
            pass  # older ops are unreadable: use the result of the newer ones
        return found
