"""The reconstruction of refs that no readable root records: from ops that may be unpublished, or from commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ctxstore.errors import Corrupt, InvalidInput, NotFound
from ctxstore.history.commits import Commit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.op_chains import Chains
from ctxstore.history.oplog import RefChange, iter_ops, read_op
from ctxstore.history.refs import SETTING, Refs, check_name
from ctxstore.ids import Kind, ObjectId
from ctxstore.ops.check.impact import MetadataChecker
from ctxstore.ops.repair.object_sources import FallbackStore

COMMAND = "repair"
"""The command that the op of a repair records."""

_LOST = re.compile(r"lost: op:([0-9a-f]{64})\Z")
_CONTENT = (Kind.CHUNK, Kind.RECORD)


def find_commit(store: FallbackStore, id: ObjectId) -> Commit | None:
    """Reads a commit. Returns None if it cannot be read."""
    try:
        return read_commit(store, id)
    except (NotFound, Corrupt):
        return None


def guess_refs(engine: Engine, store: FallbackStore, ids: Iterable[ObjectId]) -> ObjectId:
    """Builds a map of refs from the commits alone, if no op is left. Returns its id.

    The head of each context is its commit with the longest history, then the latest.
    """
    newest: dict[str, tuple[int, int, ObjectId]] = {}
    for id in ids:
        commit = find_commit(store, id)
        if commit is not None and _is_name(commit.ref):
            rank = (commit.generation, commit.time, id)
            newest[commit.ref] = max(rank, newest.get(commit.ref, rank))
    empty = Refs.load(engine.maps, store, engine.maps.create(store, {}))
    return empty.updated(engine.maps, store, {ref: id for ref, (_, _, id) in newest.items()})


def _is_name(name: str) -> bool:
    try:
        return bool(check_name(name))
    except InvalidInput:
        return False


def apply_changes(engine: Engine, store: FallbackStore, changes: Iterable[RefChange], refs: ObjectId) -> ObjectId:
    """Applies changes to a map of refs and returns the id of the new map.

    A change is applied only if it moves the ref from its head to an intact child of the head. A new ref may start at
    any intact commit. Removals and settings are skipped.
    """
    current = Refs.load(engine.maps, store, refs)
    checker = MetadataChecker(engine, lambda id: not any(store.is_available(ObjectId(id), kind) for kind in _CONTENT))
    for change in changes:
        if change.new is None or change.ref.startswith(SETTING) or current.find(change.ref) != change.old:
            continue
        commit = find_commit(store, change.new)
        if commit is None or change.old not in (*commit.parents, None) or checker.tree(commit.tree):
            continue
        refs = current.updated(engine.maps, store, {change.ref: change.new})
        current = Refs.load(engine.maps, store, refs)
    return refs


def iter_siblings(chains: Chains, tip: ObjectId | None) -> Iterator[RefChange]:
    """Yields the changes of every entry of the op log that has the same parent as `tip`, and of their descendants.

    `tip` itself is not among them. Each branch is yielded oldest entry first. Without a root, nobody knows which of
    the branches was published. The commits of each branch are complete.
    """
    if tip is None:
        return
    shared = chains.ops[tip].previous
    for other in sorted(chains.tips, key=lambda id: (chains.ops[id].time, id)):
        branch = list(chains.iter_chain(other))
        if tip in branch:
            continue
        while branch and chains.ops[branch[-1]].previous != shared:
            branch.pop()
        for id in reversed(branch):
            yield from chains.ops[id].changes


def lost_op_note(op: ObjectId) -> str:
    """Returns the note by which a repair records in the log that the newest op is lost."""
    return f"lost: op:{op.hex()}"


def iter_recovered_changes(store: FallbackStore, newest: ObjectId | None) -> Iterator[RefChange]:
    """Yields the changes of ops that an earlier repair recorded as lost and that can be read now."""
    for _, op in iter_ops(store, newest):
        match = _LOST.match(op.note) if op.command == COMMAND else None
        if match is None:
            continue
        try:
            yield from read_op(store, ObjectId(bytes.fromhex(match[1]))).changes
        except (NotFound, Corrupt):
            continue
