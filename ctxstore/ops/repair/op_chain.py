"""The repair of the chain of ops: finds the newest op, closes gaps, and recreates lost maps of refs.

An op records what it changed. So a lost map of refs can be computed from the map of the op before it or after it. If an
op is lost, the op after the gap is rewritten to follow the newest op before the gap. That changes its id, so all later
ops are rewritten too.
"""

from __future__ import annotations

from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.op_chains import Chains
from ctxstore.history.oplog import StoredOp, read_op, write_op
from ctxstore.history.refs import Refs
from ctxstore.ids import ObjectId
from ctxstore.ops.check.impact import MetadataChecker
from ctxstore.ops.repair.object_sources import FallbackStore


class RepairedChain(NamedTuple):
    """The newest op of a repaired chain, and the number of gaps that the repair closed."""

    tip: ObjectId | None
    gaps: int


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
