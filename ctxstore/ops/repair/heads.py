"""Which commits are heads when no root says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ctxstore.errors import Corrupt, InvalidInput, NotFound
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import Change
from ctxstore.history.refs import SETTING, Refs, check_name
from ctxstore.ids import ObjectId
from ctxstore.ops.damage import Health
from ctxstore.ops.repair.chain import Chains
from ctxstore.ops.repair.stock import Stock


def find_commit(stock: Stock, id: ObjectId) -> Commit | None:
    """A commit, if it can be read."""
    try:
        return read_commit(stock, id)
    except (NotFound, Corrupt):
        return None


def heads_of_commits(engine: Engine, stock: Stock, ids: Iterable[ObjectId]) -> ObjectId:
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


def take_branches(engine: Engine, stock: Stock, chains: Chains, tip: ObjectId | None, refs: ObjectId) -> ObjectId:
    """The refs map with the commits of other ops that followed the same one as `tip`.

    Without a root nobody knows which of them was published. Each made a complete commit: whichever moves a ref on
    from where it is, is taken. What moves the same ref elsewhere is left for `ctx recover`.
    """
    found = Refs.load(engine.maps, stock, refs)
    health = Health(engine, lambda id: not stock.is_there(ObjectId(id)))
    for change in _siblings(chains, tip):
        if change.new is None or change.ref.startswith(SETTING) or found.find(change.ref) != change.old:
            continue
        commit = find_commit(stock, change.new)
        if commit is None or change.old not in (*commit.parents, None) or health.tree(commit.tree):
            continue
        refs = found.updated(engine.maps, stock, {change.ref: change.new})
        found = Refs.load(engine.maps, stock, refs)
    return refs


def _siblings(chains: Chains, tip: ObjectId | None) -> Iterator[Change]:
    """What the ops changed that follow the same op as `tip` does, and those after them."""
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
