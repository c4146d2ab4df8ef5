"""The objects that refs and the op log reach. A collection must keep them."""

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
"""A callback for each reachable chunk or record: (id, kind, a context that needs it)."""


class UnreadableObject:
    """An object that could not be read, and the refs that need it. If there are none, the history itself needs it."""

    __slots__ = ("error", "id", "kind", "refs")

    def __init__(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound, ref: str) -> None:
        self.id, self.kind, self.error = id, kind, error
        self.refs = {ref} if ref else set()


class _MarkedCommit(NamedTuple):
    """The fields of a commit that marking remembers. There may be millions of them."""

    time: int
    id: ObjectId
    tree: ObjectId
    ref: str


class Marker:
    """Marks all objects that are reachable from a root, except the trees of forgotten commits.

    The bytes of files and messages are marked, but not read. `visit` returns whether an object is visited for the first
    time. Below an object visited before, nothing is read again. If `unreadable` is a list, unreadable objects are
    appended to it and marking continues. If it is None, the first one is raised, because objects below it can't be
    marked and must not be collected.
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
        """Marks everything reachable from `root`: contexts by age, and within each the oldest commit first."""
        self._forgotten = self._engine.forgotten(root)
        forgotten = set(self._forgotten.ids())
        self._mark_map(root.forgotten)
        heads = self._mark_refs(root.refs)
        forgotten_heads = {id for _, id in heads} & forgotten
        heads += self._mark_ops(root.op)
        histories = [self._mark_history(ref, head) for ref, head in heads]
        # Oldest first: contexts of the same days resemble each other more than contexts with similar names.
        for history in sorted(filter(None, histories), key=lambda history: history[-1].time):
            for found in reversed(history):
                if found.id not in forgotten:
                    self._ref = found.ref or found.id.hex()
                    self._walk.tree(found.tree)
        for id in forgotten_heads:
            # No command forgets a head. If one is forgotten nevertheless, its tree is kept.
            self._walk.tree(read_commit(self._engine.store, id).tree)

    def _leaf(self, id: ObjectId, kind: Kind) -> None:
        """Reports a reachable chunk or record."""
        if self._on_leaf is not None:
            self._on_leaf(id, kind, self._ref)

    def _record(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound) -> None:
        """Records an unreadable object."""
        assert self._unreadable is not None
        self._unreadable.append(UnreadableObject(id, kind, error, self._ref))

    def _get(self, id: ObjectId, kind: Kind) -> bytes | None:
        """Reads an object. Returns None if it is unreadable."""
        try:
            return self._engine.store.get(id, kind)
        except (Corrupt, NotFound) as error:
            self._fail(id, kind, error)
            return None

    def _fail(self, id: ObjectId, kind: Kind, error: Corrupt | NotFound) -> None:
        """Raises the error, or records it if unreadable objects are collected."""
        if self._unreadable is None:
            raise error
        self._record(id, kind, error)

    def _find_commit(self, id: ObjectId) -> bytes | None:
        """Returns the encoded commit, or None if it is unreadable.

        The record of a commit that was given up as damaged need not exist.
        """
        try:
            return self._engine.store.get(id, Kind.COMMIT)
        except (Corrupt, NotFound) as error:
            if not self._forgotten.is_given_up(id):
                self._fail(id, Kind.COMMIT, error)
            return None

    def _mark_map(self, id: ObjectId | None) -> None:
        """Marks the nodes of a map."""
        for _ in self._walk.map_items(id) if id is not None else ():
            pass

    def _mark_refs(self, refs: ObjectId) -> list[tuple[str, ObjectId]]:
        """Marks the nodes of a refs map, and returns the refs in nodes that were not marked before."""
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
        """Marks the record of a setting."""
        if self._visit(id):
            self._leaf(id, Kind.RECORD)

    def _mark_ops(self, newest: ObjectId | None) -> list[tuple[str, ObjectId]]:
        """Marks the entries of the op log and their maps, and returns the commits that the entries mention."""
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
        """Yields the commits that an entry of the op log moved refs from and to. Marks settings directly."""
        for ref, old, new in op.changes:
            for id in (old, new):
                if id is None:
                    continue
                if ref.startswith(SETTING):
                    self._mark_setting(id)
                else:
                    yield id

    def _mark_history(self, ref: str, head: ObjectId) -> list[_MarkedCommit]:
        """Marks a commit and its ancestors. Returns those not marked before, newest first."""
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
