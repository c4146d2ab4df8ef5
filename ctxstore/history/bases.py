"""The commits that a transaction depends on, besides the heads of the refs that it moves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import Op, iter_ops
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId, format_id
from ctxstore.objects.store import ObjectWriter
from ctxstore.trees.walk import TreeWalk

_MAX_OPS = 1000
"""The most ops that are searched for a commit's id, which takes some 30 ms."""


class Bases:
    """The commits that a transaction depends on.

    They must still exist when the transaction is published. Of unreachable commits, so must each object of the tree.
    """

    def __init__(self, engine: Engine, writer: ObjectWriter, root: RepositoryState) -> None:
        self._engine = engine
        self._writer = writer
        self._relied: set[bytes] = set()
        self.ids: set[ObjectId] = set()
        self.restart(root)

    def restart(self, root: RepositoryState) -> None:
        """Sets the root that `add` checks commits against."""
        self._root = root
        self._recent: Iterator[Op] = (op for _, op in islice(iter_ops(self._engine.store, root.op), _MAX_OPS))
        self._named: set[ObjectId] = set()

    def add(self, id: ObjectId) -> bool:
        """Adds a commit. Returns True if the commit is forgotten and must be restored.

        Raises `NotFound` if gc has already deleted part of the commit's content.
        """
        commit = read_commit(self._writer, id)
        self.ids.add(id)
        mark = self._engine.forgotten(self._root).find(id)
        if mark is None and self._is_named(id):
            return False  # an op names the commit, so it stays reachable until a transaction forgets it
        try:
            TreeWalk(self._engine.maps, self._writer, self._rely_on_object, lambda *_: None).tree(commit.tree)
        except NotFound as error:
            why = f"was forgotten ({mark.reason})" if mark else "is unreachable"
            raise NotFound(
                f"commit {format_id(id)} {why}, and its content was collected",
                hint=f"run `ctx log {commit.ref}` to see the commits before and after it",
            ) from error
        return mark is not None

    def _rely_on_object(self, id: bytes) -> bool:
        """Adds one object to those that must not disappear. Returns False if it was added before. Raises `NotFound`."""
        if id in self._relied:
            return False
        if not self._writer.has(id):
            raise NotFound(f"object {format_id(ObjectId(id))} is not in the repository")
        self._relied.add(id)
        return True

    def _is_named(self, id: ObjectId) -> bool:
        """Whether one of the newest `_MAX_OPS` entries of the op log names the commit.

        Reads each entry only once. Reading ends at an unreadable entry.
        """
        while id not in self._named:
            try:
                op = next(self._recent, None)
            except (Corrupt, NotFound):
                op = None  # the ops before are unreadable
            if op is None:
                return False
            self._named.update(each for change in op.changes for each in (change.old, change.new) if each)
        return True
