"""The unbroken chains of readable entries in an op log that has gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.oplog import Op, read_op
from ctxstore.ids import ObjectId
from ctxstore.trees.sequence import Getter

Ops = Mapping[ObjectId, Op]


def read_ops(store: Getter, ids: Iterable[ObjectId]) -> dict[ObjectId, Op]:
    """Reads ops, and skips those that cannot be read."""
    ops = {}
    for id in ids:
        try:
            ops[id] = read_op(store, id)
        except (NotFound, Corrupt):
            continue
    return ops


class _ChainEnd(NamedTuple):
    """The oldest op of an unbroken chain, and the number of ops from a given op down to it, both included."""

    depth: int
    bottom: ObjectId


class Chains:
    """The readable ops, and the chains that they form.

    `tips` are the ops that no readable op follows. A chain ends at the first op of the repository or at a lost op.
    """

    def __init__(self, ops: Ops) -> None:
        self.ops = ops
        followed = {op.previous for op in ops.values()}
        self.tips = [id for id in ops if id not in followed]
        self._ends: dict[ObjectId, _ChainEnd] = {}
        for id in ops:
            self._find_end(id)

    def _find_end(self, id: ObjectId) -> None:
        """Finds the end of the chain for an op, and records the end for the op and for all ops before it."""
        path: list[ObjectId] = []
        at: ObjectId | None = id
        while at is not None and at in self.ops and at not in self._ends:
            path.append(at)
            at = self.ops[at].previous
        end = self._ends.get(at) if at is not None else None
        for each in reversed(path):
            end = _ChainEnd(end.depth + 1, end.bottom) if end else _ChainEnd(1, each)
            self._ends[each] = end

    def iter_chain(self, tip: ObjectId) -> Iterator[ObjectId]:
        """Yields the ids of the ops from `tip` back to the end of its chain."""
        at: ObjectId | None = tip
        while at is not None and at in self.ops:
            yield at
            at = self.ops[at].previous

    def find_newest(self, known: ObjectId | None) -> ObjectId | None:
        """Returns the op that the lost root most likely named as the newest, or None if there are no ops.

        Prefers a chain that contains the op `known`, then the longest chain, then the chain with the latest op.
        """
        above = {tip for tip in self.tips if known is not None and known in set(self.iter_chain(tip))}
        return max(self.tips, key=lambda tip: (tip in above, self._length(tip), self.ops[tip].time, tip), default=None)

    def _length(self, tip: ObjectId) -> int:
        """Returns the length of a chain, as `find_newest` compares it.

        If a gap precedes the chain, the longest chain that may lie before the gap is added.
        """
        depth, bottom = self._ends[tip]
        if self.ops[bottom].previous is None:
            return depth
        earlier = (other for other in self.tips if self.ops[other].time <= self.ops[bottom].time)
        return depth + 1 + max((self._ends[other].depth for other in earlier), default=0)

    def find_before_gap(self, visited: set[ObjectId]) -> ObjectId | None:
        """Returns the op that most likely precedes a gap, or None if no chain remains.

        The longest chain is preferred, then the one with the latest tip. A chain is skipped if its oldest op is in
        `visited`, because such a chain was followed to its end.
        """
        tips = (tip for tip in self.tips if self._ends[tip].bottom not in visited)
        return max(tips, key=lambda tip: (self._ends[tip].depth, self.ops[tip].time, tip), default=None)
