"""The newest commit of a context, which becomes the parent of the next commit, as far as it can be read.

Damage to a stored context must not prevent a snapshot from saving other contexts, or the same context anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import Commit, Summary, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.predecessors import DAMAGE
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId, format_id


class DamagedContext(NamedTuple):
    """A context of which a stored object is unreadable.

    `commit` is its newest commit before the snapshot, `reason` the error. `is_saved` is True if the snapshot saved the
    present files completely, without the stored state.
    """

    ref: str
    commit: ObjectId
    reason: str
    is_saved: bool


class PreviousCommit:
    """The newest commit of a context, and its readable parts.

    - `id`: the commit's id, or None if the context is new.
    - `commit`: the commit, or None if the context is new or the commit is unreadable.
    - `damage`: the first error while reading, or empty.
    """

    def __init__(self, engine: Engine, root: RepositoryState, head: ObjectId | None) -> None:
        self._engine = engine
        self._root = root
        self._entries: Mapping[bytes, bytes] | None = None
        self.head = head
        self.commit: Commit | None = None
        self.damage = ""
        if head is not None:
            try:
                self.commit = read_commit(engine.store, head)
            except DAMAGE as error:
                self.record(error)

    def record(self, error: Corrupt | NotFound) -> None:
        """Records that an object of the commit is unreadable."""
        self.damage = self.damage or error.message

    @property
    def summary(self) -> Summary | None:
        """The summary of the commit, if the commit is readable."""
        return self.commit.summary if self.commit is not None else None

    def entries(self) -> Mapping[bytes, bytes]:
        """Returns the entries of the commit's tree, by key. They are empty if the tree is unreadable."""
        if self._entries is None:
            try:
                tree = self.commit.tree if self.commit is not None else None
                maps = self._engine.maps
                self._entries = dict(maps.load(self._engine.store, tree).items()) if tree is not None else {}
            except DAMAGE as error:
                self.record(error)
                self._entries = {}
        return self._entries

    def lineage(self) -> tuple[tuple[ObjectId, ...], int]:
        """Returns the parents and the generation of the next commit.

        If the newest commit is unreadable, the first parent is the nearest readable commit before it, so that revisions
        such as REF~1 still work. The unreadable one is a parent, too, because a repair may find it again.
        """
        if self.head is None:
            return (), 0
        if self.commit is not None:
            return (self.head,), self.commit.generation + 1
        before = self._engine.predecessors(self._root).find_readable(self.head)
        if before is None:
            return (self.head,), 1
        return (before.id, self.head), before.commit.generation + before.steps + 1

    def note(self) -> str:
        """Returns the note for the next commit, or "" if the stored state is readable.

        The note says that the commit was made without the stored state.
        """
        is_whole = self.head is None or not self.damage
        return "" if is_whole else f"saved anew: commit {format_id(self.head or ObjectId(b''))} is damaged"
