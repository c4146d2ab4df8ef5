"""Which commits are heads when no root says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ctxstore.errors import Corrupt, InvalidInput, NotFound
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import RefChange, iter_ops, read_op
from ctxstore.history.refs import SETTING, Refs, check_name
from ctxstore.ids import Kind, ObjectId
from ctxstore.ops.check.impact import MetadataChecker
from ctxstore.ops.repair.object_sources import FallbackStore
from ctxstore.ops.repair.op_chain import Chains

COMMAND = "repair"
_LOST = re.compile(r"lost: op:([0-9a-f]{64})\Z")
_CONTENT = (Kind.CHUNK, Kind.RECORD)


def find_commit(stock: FallbackStore, id: ObjectId) -> Commit | None:
    """A commit, if it can be read."""
    try:
        return read_commit(stock, id)
    except (NotFound, Corrupt):
        return None


def heads_of_commits(engine: Engine, stock: FallbackStore, ids: Iterable[ObjectId]) -> ObjectId:
    """A refs map of the commits alone: of each context the one with the longest history, for want of any op."""
    newest: dict[str, tuple[int, int, ObjectId]] = {}
    for id in ids:
        commit = find_commit(stock, id)
        if commit is not None and _is_name(commit.ref):
            rank = (commit.generation, commit.time, id)
            newest[commit.ref] = max(rank, newest.get(commit.ref, rank))
    empty = Refs.load(engine.maps, stock, engine.maps.create(stock, {}))
    return empty.updated(engine.maps, stock, {ref: rank[-1] for ref, rank in newest.items()})


def _is_name(name: str) -> bool:
    try:
        return bool(check_name(name))
    except InvalidInput:
        return False


def take_changes(engine: Engine, stock: FallbackStore, changes: Iterable[RefChange], refs: ObjectId) -> ObjectId:
    """The refs map with those changes made that move a ref on from where it is, to a commit that is whole."""
    found = Refs.load(engine.maps, stock, refs)
    health = MetadataChecker(engine, lambda id: not any(stock.find_anywhere(ObjectId(id), kind) for kind in _CONTENT))
    for change in changes:
        if change.new is None or change.ref.startswith(SETTING) or found.find(change.ref) != change.old:
            continue
        commit = find_commit(stock, change.new)
        if commit is None or change.old not in (*commit.parents, None) or health.tree(commit.tree):
            continue
        refs = found.updated(engine.maps, stock, {change.ref: change.new})
        found = Refs.load(engine.maps, stock, refs)
    return refs


def iter_siblings(chains: Chains, tip: ObjectId | None) -> Iterator[RefChange]:
    """What the ops changed that follow the same op as `tip` does, and those after them.

    Without a root nobody knows which of them was published, and each made complete commits.
    """
    if tip is None:
        return
    shared = chains.ops[tip].previous
    for other in sorted(chains.tips, key=lambda id: (chains.ops[id].time, id)):
        branch = list(chains.down(other))
        if tip in branch:
            continue
        while branch and chains.ops[branch[-1]].previous != shared:
            branch.pop()
        for id in reversed(branch):
            yield from chains.ops[id].changes


def note_of_lost(op: ObjectId) -> str:
    """What a repair writes into the log about the newest op, when that is lost."""
    return f"lost: op:{op.hex()}"


def iter_found_again(stock: FallbackStore, newest: ObjectId | None) -> Iterator[RefChange]:
    """What ops changed that an earlier repair could not find, and that are there now."""
    for _, op in iter_ops(stock, newest):
        match = _LOST.match(op.note) if op.command == COMMAND else None
        if match is None:
            continue
        try:
            yield from read_op(stock, ObjectId(bytes.fromhex(match[1]))).changes
        except (NotFound, Corrupt):
            continue
