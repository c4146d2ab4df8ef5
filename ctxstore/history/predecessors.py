"""The predecessors of commits whose own records are unreadable, as the op log shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.op_chains import Chains, read_ops
from ctxstore.history.oplog import RefChange, read_op
from ctxstore.history.refs import SETTING, Refs
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId
from ctxstore.trees.maps import Maps
from ctxstore.trees.sequence import Getter

DAMAGE = (Corrupt, NotFound)
"""The errors of stored objects that are damaged or missing."""


class Ancestor(NamedTuple):
    """The nearest readable commit before an unreadable one. `steps` counts the commits from there to the unreadable."""

    id: ObjectId
    commit: Commit
    steps: int


class _Gap(NamedTuple):
    """A gap in the op log: one or more unreadable entries.

    `before` is the id of the refs map before the gap, and `after` the id of the refs map after it.
    `changes` are the changes of the first entry after the gap, or empty if the newest entry is unreadable.
    """

    before: ObjectId
    after: ObjectId
    changes: tuple[RefChange, ...]


class Predecessors:
    """The index of each commit's predecessor: the head that its ref had before the commit.

    An entry of the op log records the old and the new head of every ref that it moved. So a history can be followed
    past a commit whose own record, with the ids of its parents, is unreadable.

    The entry is often in the same damaged frame as the commit. Then the refs maps before and after the entry are
    compared instead. The log is read at the first call of `find`.

    `iter_op_ids` yields the ids of all entries in the packs. They are needed to continue before a gap in the log.
    """

    def __init__(
        self, getter: Getter, maps: Maps, root: RepositoryState, iter_op_ids: Callable[[], Iterable[ObjectId]]
    ) -> None:
        self._getter = getter
        self._maps = maps
        self._root = root
        self._iter_op_ids = iter_op_ids
        self._before: dict[ObjectId, ObjectId | None] = {}
        self._gaps: list[_Gap] | None = None

    def find(self, id: ObjectId) -> ObjectId | None:
        """Returns the predecessor of commit `id`, or None if `id` began its context or no predecessor is recorded."""
        if self._gaps is None:
            self._gaps = []
            self._read_log()
        if id not in self._before:
            found = (self._find_across(gap, id) for gap in self._gaps)
            self._before[id] = next((before for before in found if before is not None), None)
        return self._before[id]

    def _read_log(self) -> None:
        """Reads the readable entries of the op log, newest first, and records heads and gaps.

        For every commit that an entry moved a ref to, `_before` gets the head that the ref had before. For every gap
        of unreadable entries, `_gaps` gets the refs maps on both sides.
        """
        assert self._gaps is not None
        chains: Chains | None = None
        visited: set[ObjectId] = set()
        newest, refs = self._root.op, self._root.refs
        changes: tuple[RefChange, ...] = ()
        while newest is not None and newest not in visited:
            try:
                op = read_op(self._getter, newest)
            except DAMAGE:
                chains = chains or Chains(read_ops(self._getter, self._iter_op_ids()))
                newest = chains.find_before_gap(visited)
                if newest is not None:
                    self._gaps.append(_Gap(chains.ops[newest].refs, refs, changes))
                continue
            visited.add(newest)
            # Older entries overwrite newer ones. So the entry that made a commit prevails over later undos.
            for ref, old, new in op.changes:
                if new is not None and not ref.startswith(SETTING):
                    self._before[new] = old
            newest, refs, changes = op.previous, op.refs, op.changes

    def _find_across(self, gap: _Gap, id: ObjectId) -> ObjectId | None:
        """Returns the head that a context had before `gap`, if its head after the gap was `id`.

        Returns None if no context had this head, if it had the same head before, or if a refs map is unreadable.
        """
        try:
            names = [change.ref for change in gap.changes if change.old == id]
            if not names:
                names = [name for name, head in self._refs(gap.after).iter() if head == id]
            before = self._refs(gap.before)
            return next((head for name in names if (head := before.find(name)) is not None and head != id), None)
        except DAMAGE:
            return None

    def _refs(self, id: ObjectId) -> Refs:
        return Refs.load(self._maps, self._getter, id)

    def find_readable(self, id: ObjectId) -> Ancestor | None:
        """Returns the nearest readable commit before the unreadable commit `id`, or None if there is none."""
        visited = {id}
        before = self.find(id)
        while before is not None and before not in visited:
            try:
                return Ancestor(before, read_commit(self._getter, before), len(visited))
            except DAMAGE:
                visited.add(before)
                before = self.find(before)
        return None
