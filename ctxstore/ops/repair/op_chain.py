"""The chain of ops: which is the newest, and how it is made whole again where ops, or the maps they name, are lost.

An op says what it changed, so a lost map of refs can be made again from that of the op before it or after it. Where an
op is lost, the one after it is written anew to follow the newest that is left; so are, then, all that came later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import Op, read_op, write_op
from ctxstore.history.refs import Refs
from ctxstore.ids import ObjectId
from ctxstore.ops.check.impact import MetadataChecker
from ctxstore.ops.repair.object_sources import FallbackStore

Ops = Mapping[ObjectId, Op]


class Mended(NamedTuple):
    """The newest op of the chain made whole, and how many gaps there were."""

    tip: ObjectId | None
    gaps: int


def read_ops(stock: FallbackStore, ids: Iterable[ObjectId]) -> dict[ObjectId, Op]:
    """The ops among `ids` that can be read."""
    found = {}
    for id in ids:
        try:
            found[id] = read_op(stock, id)
        except (NotFound, Corrupt):
            continue
    return found


class _End(NamedTuple):
    """How many ops there are down to the one after which nothing can be followed, and that one."""

    depth: int
    bottom: ObjectId


class Chains:
    """The ops there are, and how they follow each other."""

    def __init__(self, ops: Ops) -> None:
        self.ops = ops
        followed = {op.previous for op in ops.values()}
        self.tips = [id for id in ops if id not in followed]
        self._ends: dict[ObjectId, _End] = {}
        for id in ops:
            self._find_end(id)

    def _find_end(self, id: ObjectId) -> None:
        path: list[ObjectId] = []
        at: ObjectId | None = id
        while at is not None and at in self.ops and at not in self._ends:
            path.append(at)
            at = self.ops[at].previous
        end = self._ends.get(at) if at is not None else None
        for each in reversed(path):
            end = _End(end.depth + 1, end.bottom) if end else _End(1, each)
            self._ends[each] = end

    def down(self, tip: ObjectId) -> Iterator[ObjectId]:
        """The ops from `tip` on that can be followed, newest first."""
        at: ObjectId | None = tip
        while at is not None and at in self.ops:
            yield at
            at = self.ops[at].previous

    def newest(self, known: ObjectId | None) -> ObjectId | None:
        """The op that was most likely the root's: of a chain that has `known`, then of the longest, then the latest."""
        above = {tip for tip in self.tips if known is not None and known in set(self.down(tip))}
        return max(self.tips, key=lambda tip: (tip in above, self._length(tip), self.ops[tip].time, tip), default=None)

    def _length(self, tip: ObjectId) -> int:
        """Ops in a chain, and in the longest one that it may go on with after a gap."""
        depth, bottom = self._ends[tip]
        if self.ops[bottom].previous is None:
            return depth
        earlier = (other for other in self.tips if self.ops[other].time <= self.ops[bottom].time)
        return depth + 1 + max((self._ends[other].depth for other in earlier), default=0)

    def below(self, visited: set[ObjectId]) -> ObjectId | None:
        """Where a chain most likely goes on after a gap: no branch of what was visited, which was to its bottom."""
        tips = (tip for tip in self.tips if self._ends[tip].bottom not in visited)
        return max(tips, key=lambda tip: (self._ends[tip].depth, self.ops[tip].time, tip), default=None)


def mend(engine: Engine, stock: FallbackStore, chains: Chains, health: MetadataChecker, tip: ObjectId | None) -> Mended:
    """The chain from `tip` on with gaps bridged and lost maps made again. What is new is put into `stock`."""
    chain, gaps = _collect(stock, chains, tip)
    _restore_refs(engine, stock, chain, health)
    previous: ObjectId | None = None
    written: dict[ObjectId | None, ObjectId | None] = {}
    forgotten: ObjectId | None = None
    for id, op in reversed(chain):
        if op.forgotten is not None and health.map(op.forgotten):
            op = op._replace(forgotten=forgotten)  # noqa: PLW2901
        forgotten = op.forgotten
        changed = op._replace(previous=previous, undoes=written.get(op.undoes, op.undoes))
        previous = written[id] = write_op(stock, changed)
    return Mended(previous, gaps)


def _collect(stock: FallbackStore, chains: Chains, tip: ObjectId | None) -> tuple[list[tuple[ObjectId, Op]], int]:
    """The ops from `tip` on, newest first, and the gaps between them."""
    chain: list[tuple[ObjectId, Op]] = []
    visited: set[ObjectId] = set()
    gaps = 0
    while tip is not None and tip not in visited:
        try:
            op = read_op(stock, tip)
        except (NotFound, Corrupt):
            gaps += 1
            tip = chains.below(visited)
            continue
        visited.add(tip)
        chain.append((tip, op))
        tip = op.previous
    return chain, gaps


def _restore_refs(
    engine: Engine, stock: FallbackStore, chain: list[tuple[ObjectId, Op]], health: MetadataChecker
) -> None:
    """Make the refs maps that are lost again: from the next op's, else from the one before, whose changes are known."""
    whole = [not health.map(op.refs) for _, op in chain]
    for i in range(1, len(chain)):
        newer = chain[i - 1][1]
        if not whole[i] and whole[i - 1] and newer.previous == chain[i][0]:
            back = {change.ref: change.old for change in newer.changes}
            whole[i] = Refs.load(engine.maps, stock, newer.refs).updated(engine.maps, stock, back) == chain[i][1].refs
    for i in range(len(chain) - 1, -1, -1):
        if whole[i]:
            continue
        id, op = chain[i]
        below = chain[i + 1][1].refs if i + 1 < len(chain) and whole[i + 1] else engine.maps.create(stock, {})
        forth = {change.ref: change.new for change in op.changes}
        refs = Refs.load(engine.maps, stock, below).updated(engine.maps, stock, forth)
        chain[i] = (id, op._replace(refs=refs))
        whole[i] = True
