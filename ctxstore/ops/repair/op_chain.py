"""The repair of the chain of ops: finds the newest op, closes gaps, and recreates lost maps of refs.

An op records what it changed. So a lost map of refs can be computed from the map of the op before it or after it. If an
op is lost, the op after the gap is rewritten to follow the newest op before the gap. That changes its id, so all later
ops are rewritten too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import Op, StoredOp, read_op, write_op
from ctxstore.history.refs import Refs
from ctxstore.ids import ObjectId
from ctxstore.ops.check.impact import MetadataChecker
from ctxstore.ops.repair.object_sources import FallbackStore

Ops = Mapping[ObjectId, Op]


class RepairedChain(NamedTuple):
    """The newest op of a repaired chain, and the number of gaps that the repair closed."""

    tip: ObjectId | None
    gaps: int


def read_ops(store: FallbackStore, ids: Iterable[ObjectId]) -> dict[ObjectId, Op]:
    """Reads ops, and skips those that cannot be read."""
    ops = {}
    for id in ids:
        try:
            ops[id] = read_op(store, id)
        except (NotFound, Corrupt):
            continue
    return ops


class _ChainEnd(NamedTuple):
    """The oldest op of an unbroken chain, and the number of ops down to it, both ends included."""

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
        """Records the end of the chain for an op and all ops before it."""
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
        """Returns the op that was most likely the newest of the root, or None if there are no ops.

        Prefers a chain that contains the op `known`, then the longest chain, then the latest op.
        """
        above = {tip for tip in self.tips if known is not None and known in set(self.iter_chain(tip))}
        return max(self.tips, key=lambda tip: (tip in above, self._length(tip), self.ops[tip].time, tip), default=None)

    def _length(self, tip: ObjectId) -> int:
        """Returns the number of ops in a chain, plus those of the longest chain that may precede it before a gap."""
        depth, bottom = self._ends[tip]
        if self.ops[bottom].previous is None:
            return depth
        earlier = (other for other in self.tips if self.ops[other].time <= self.ops[bottom].time)
        return depth + 1 + max((self._ends[other].depth for other in earlier), default=0)

    def find_before_gap(self, visited: set[ObjectId]) -> ObjectId | None:
        """Returns the op that most likely precedes a gap: the tip of the longest chain, then the latest.

        Skips branches of the chains that were visited: a visited chain was followed to its end.
        """
        tips = (tip for tip in self.tips if self._ends[tip].bottom not in visited)
        return max(tips, key=lambda tip: (self._ends[tip].depth, self.ops[tip].time, tip), default=None)


def repair_chain(
    engine: Engine, store: FallbackStore, chains: Chains, checker: MetadataChecker, tip: ObjectId | None
) -> RepairedChain:
    """Rewrites the chain that ends in `tip`: closes gaps and recreates lost maps. Puts new objects into `store`.

    A lost map of forgotten commits is replaced by that of the op before.
    """
    chain, gaps = _collect(store, chains, tip)
    _restore_refs(engine, store, chain, checker)
    previous: ObjectId | None = None
    written: dict[ObjectId | None, ObjectId | None] = {}
    forgotten: ObjectId | None = None
    for id, op in reversed(chain):
        if op.forgotten is not None and checker.map(op.forgotten):
            op = op._replace(forgotten=forgotten)  # noqa: PLW2901
        forgotten = op.forgotten
        changed = op._replace(previous=previous, undoes=written.get(op.undoes, op.undoes))
        previous = written[id] = write_op(store, changed)
    return RepairedChain(previous, gaps)


def _collect(store: FallbackStore, chains: Chains, tip: ObjectId | None) -> tuple[list[StoredOp], int]:
    """Returns the ops from `tip` back to the first, newest first, and the number of gaps between them."""
    chain: list[StoredOp] = []
    visited: set[ObjectId] = set()
    gaps = 0
    while tip is not None and tip not in visited:
        try:
            op = read_op(store, tip)
        except (NotFound, Corrupt):
            gaps += 1
            tip = chains.find_before_gap(visited)
            continue
        visited.add(tip)
        chain.append(StoredOp(tip, op))
        tip = op.previous
    return chain, gaps


def _restore_refs(engine: Engine, store: FallbackStore, chain: list[StoredOp], checker: MetadataChecker) -> None:
    """Recreates lost maps of refs in `chain`.

    A map is recreated by undoing the changes of the next op. The result counts only if it has the id of the lost map.
    Otherwise, the op's own changes are applied to the map of the op before. For the first op, that map is empty.
    """
    is_intact = [not checker.map(each.op.refs) for each in chain]
    for i in range(1, len(chain)):
        newer, current = chain[i - 1].op, chain[i]
        if not is_intact[i] and is_intact[i - 1] and newer.previous == current.id:
            undone = {change.ref: change.old for change in newer.changes}
            refs = Refs.load(engine.maps, store, newer.refs).updated(engine.maps, store, undone)
            is_intact[i] = refs == current.op.refs
    for i in range(len(chain) - 1, -1, -1):
        if is_intact[i]:
            continue
        id, op = chain[i]
        older = chain[i + 1].op.refs if i + 1 < len(chain) and is_intact[i + 1] else engine.maps.create(store, {})
        changes = {change.ref: change.new for change in op.changes}
        refs = Refs.load(engine.maps, store, older).updated(engine.maps, store, changes)
        chain[i] = StoredOp(id, op._replace(refs=refs))
        is_intact[i] = True
