"""Snapshot: discover contexts, read what changed, commit, swap the root once."""

from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.errors import InvalidInput, RefMoved
from ctxstore.history.commits import KINDS
from ctxstore.history.engine import Engine
from ctxstore.history.transaction import Move, MustRestart, Published, Transaction, transaction
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.home_scan import HomeScan, SnapshotOptions, SourceReport
from ctxstore.ops.snapshot.targets import Target
from ctxstore.progress import SILENT, Progress

TRIES = 8


class SnapshotReport(NamedTuple):
    """What a snapshot did. `op` is None when nothing changed; `time` (ns) is then when it began, else the op's."""

    op: ObjectId | None
    time: int
    duration: int
    sources: tuple[SourceReport, ...]
    bytes_stored: int
    commits: tuple[tuple[str, ObjectId], ...]


def snapshot(
    engine: Engine, targets: Sequence[Target], options: SnapshotOptions, progress: Progress = SILENT
) -> SnapshotReport:
    """Save what changed at `targets`. Raises `InvalidInput`, `StorageError`; what can't be read is reported."""
    if options.kind not in KINDS:
        raise InvalidInput(f"{options.kind!r} is no kind of snapshot", hint=f"one of {', '.join(KINDS)}")
    targets = list({target.root: target for target in targets}.values())
    for tries_left in range(TRIES, -1, -1):
        try:
            return _snapshot_once(engine, targets, options, progress)
        except (RefMoved, MustRestart):
            # Another process saved the same context, or collected what this one built on: look again.
            if not tries_left:
                raise
    raise AssertionError


def _snapshot_once(
    engine: Engine, targets: Sequence[Target], options: SnapshotOptions, progress: Progress
) -> SnapshotReport:
    clock = engine.environment.clock
    started = clock()
    looks = [HomeScan(engine, target, options) for target in targets]
    progress.start("snapshot", sum(look.bytes_to_read() for look in looks))
    try:
        if all(look.is_settled for look in looks):
            return SnapshotReport(None, started, clock() - started, tuple(look.report() for look in looks), 0, ())
        with transaction(engine) as tx:
            moves = [move for look in looks for move in look.save(tx, progress)]
            published = _publish(tx, moves, options, looks) if moves else None
            before = tx.root.refs
    finally:
        progress.done()
    for look in looks:
        look.remember(before, published.op.refs if published else before)
    commits = tuple((move.ref, move.new) for move in moves if move.new is not None)
    return SnapshotReport(
        published.id if published else None,
        published.op.time if published else started,
        clock() - started,
        tuple(look.report() for look in looks),
        published.stored_bytes if published else 0,
        commits,
    )


def _publish(tx: Transaction, moves: list[Move], options: SnapshotOptions, looks: list[HomeScan]) -> Published:
    statistics = {"bytes_read": sum(look.bytes_read for look in looks), "bytes_new": tx.raw_bytes}
    return tx.publish(moves, "snapshot", options.note, statistics)
