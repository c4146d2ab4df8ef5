"""What refs and ops reach: the objects that must stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import decode_commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import ForgottenCommits
from ctxstore.history.oplog import Op, decode_op
from ctxstore.history.refs import SETTING, decode_name
from ctxstore.history.root import RepositoryState
from ctxstore.ids import Kind, ObjectId
from ctxstore.progress import SILENT, Progress
from ctxstore.trees.walk import TreeWalk

Leaf = Callable[[ObjectId, Kind, str], None]
"""Is told of a chunk or record that is reachable, and of a context that needs it."""


class UnreadableObject:
    """An object that could not be read, and the commits that need it (none: the history itself)."""

    __slots__ = ("error", "id", "kind", "refs")

    def __init__(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound, ref: str) -> None:
        self.id, self.kind, self.error = id, kind, error
        self.refs = {ref} if ref else set()


class _MarkedCommit(NamedTuple):
    """What marking has to remember of a commit: there may be millions."""

    time: int
    id: ObjectId
    tree: ObjectId
    ref: str


class Marker:
    """Marks all that is reachable from a root, except the trees of forgotten commits. Reads structure only.

    `take` says whether an object is met for the first time; what is below one that was met before is not looked
    at. With `broken` a list, objects that can't be read are put there and the rest goes on; without one the
    first of them is raised, because what can't be followed must not be collected.
    """

    def __init__(
        self,
        engine: Engine,
        visit: Callable[[bytes], bool],
        *,
        leaf: Leaf | None = None,
        unreadable: list[UnreadableObject] | None = None,
        progress: Progress = SILENT,
    ) -> None:
        self._engine = engine
        self._visit = visit
        self._on_leaf = leaf
        self._unreadable = unreadable
        self._progress = progress
        self._ref = ""
        self._forgotten = ForgottenCommits(None)
        self._walk = TreeWalk(
            engine.maps, engine.store, visit, self._leaf, self._record if unreadable is not None else None
        )
        self.commits = 0

    def mark(self, root: RepositoryState) -> None:
        """Mark everything reachable from `root`'s refs and ops: contexts by age, each oldest commit first."""
        self._forgotten = self._engine.forgotten(root)
        forgotten = set(self._forgotten.ids())
        self._mark_map(root.forgotten)
        heads = self._mark_refs(root.refs)
        forgotten_heads = {id for _, id in heads} & forgotten
        heads += self._mark_ops(root.op)
        histories = [self._mark_history(ref, head) for ref, head in heads]
        # Oldest first: contexts of the same days resemble each other more than those of similar names.
        for history in sorted(filter(None, histories), key=lambda history: history[-1].time):
            for found in reversed(history):
                if found.id not in forgotten:
                    self._ref = found.ref or found.id.hex()
                    self._walk.tree(found.tree)
        for id in forgotten_heads:
            # No command forgets a head; should there be one all the same, it is not what goes.
            self._walk.tree(read_commit(self._engine.store, id).tree)

    def _leaf(self, id: ObjectId, kind: Kind) -> None:
        if self._on_leaf is not None:
            self._on_leaf(id, kind, self._ref)

    def _record(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound) -> None:
        assert self._unreadable is not None
        self._unreadable.append(UnreadableObject(id, kind, error, self._ref))

    def _get(self, id: ObjectId, kind: Kind) -> bytes | None:
        try:
            return self._engine.store.get(id, kind)
        except (Corrupt, NotFound) as error:
            self._fail(id, kind, error)
            return None

    def _fail(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound) -> None:
        if self._unreadable is None:
            raise error
        self._record(id, kind, error)

    def _find_commit(self, id: ObjectId) -> bytes | None:
        """A commit's record; that of one that was given up as damaged need not be there."""
        try:
            return self._engine.store.get(id, Kind.COMMIT)
        except (Corrupt, NotFound) as error:
            if not self._forgotten.is_given_up(id):
                self._fail(id, Kind.COMMIT, error)
            return None

    def _mark_map(self, id: ObjectId | None) -> None:
        for _ in self._walk.map_items(id) if id is not None else ():
            pass

    def _mark_refs(self, refs: ObjectId) -> list[tuple[str, ObjectId]]:
        """The refs of the nodes not marked before."""
        found = []
        for key, value in self._walk.map_items(refs):
            name = decode_name(key)
            if value is None:
                continue
            if name.startswith(SETTING):
                self._mark_setting(ObjectId(value))
            found.append((name, ObjectId(value)))
        return found

    def _mark_setting(self, id: ObjectId) -> None:
        if self._visit(id):
            self._leaf(id, Kind.RECORD)

    def _mark_ops(self, newest: ObjectId | None) -> list[tuple[str, ObjectId]]:
        """Marks the ops and their maps; the commits they mention."""
        found: list[tuple[str, ObjectId]] = []
        while newest is not None and self._visit(newest):
            data = self._get(newest, Kind.OP)
            if data is None:
                break
            op = decode_op(data)
            self._mark_refs(op.refs)
            self._mark_map(op.forgotten)
            found += ((f"op {id.hex()[:8]}", id) for id in self._changed_commits(op))
            newest = op.previous
        return found

    def _changed_commits(self, op: Op) -> Iterator[ObjectId]:
        for ref, old, new in op.changes:
            for id in (old, new):
                if id is None:
                    continue
                if ref.startswith(SETTING):
                    self._mark_setting(id)
                else:
                    yield id

    def _mark_history(self, ref: str, head: ObjectId) -> list[_MarkedCommit]:
        """Marks a commit and its ancestors; those not marked before, newest first."""
        found: list[_MarkedCommit] = []
        if ref.startswith(SETTING):
            return found
        waiting = [head]
        self._ref = ref
        while waiting:
            id = waiting.pop()
            if not self._visit(id):
                continue
            data = self._find_commit(id)
            if data is None:
                continue
            commit = decode_commit(data)
            self.commits += 1
            self._progress.advance(1)
            found.append(_MarkedCommit(commit.time, id, commit.tree, commit.ref))
            waiting.extend(commit.parents)
        return found
