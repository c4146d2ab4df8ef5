"""Snapshot: finds contexts, reads those that changed, writes commits, and publishes them with one swap of the root."""

from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.errors import InvalidInput, RefMoved
from ctxstore.history.commits import KINDS
from ctxstore.history.engine import Engine
from ctxstore.history.refs import RefHead
from ctxstore.history.transaction import Move, MustRestart, Published, Transaction, transaction
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.home_scan import HomeScan, SnapshotOptions, SourceReport
from ctxstore.ops.snapshot.targets import Target
from ctxstore.progress import SILENT, Progress

TRIES = 8
"""Attempts after a conflict with another process, besides the first."""


class SnapshotReport(NamedTuple):
    """The result of a snapshot.

    `op` is the id of the run, or None if nothing changed. `time` (ns) is the time of the run, or else the start of the
    snapshot. `duration` is in ns. `commits` are (context, id) pairs.
    """

    op: ObjectId | None
    time: int
    duration: int
    sources: tuple[SourceReport, ...]
    bytes_stored: int
    commits: tuple[RefHead, ...]


def create_snapshot(
    engine: Engine, targets: Sequence[Target], options: SnapshotOptions, progress: Progress = SILENT
) -> SnapshotReport:
    """Saves what changed at `targets`. Unreadable files are skipped and reported.

    Raises `InvalidInput` for an unknown kind, `StorageError`, and `RefMoved` or `MustRestart` if other processes keep
    changing the same contexts.
    """
    if options.kind not in KINDS:
        raise InvalidInput(f"unknown kind of snapshot: {options.kind!r}", hint=f"use one of {', '.join(KINDS)}")
    targets = list({target.home: target for target in targets}.values())
    for tries_left in range(TRIES, -1, -1):
        try:
            return _snapshot_once(engine, targets, options, progress)
        except (RefMoved, MustRestart):
            # Another process saved the same context, or collected objects that this snapshot relied on: scan again.
            if not tries_left:
                raise
    raise AssertionError


def _snapshot_once(
    engine: Engine, targets: Sequence[Target], options: SnapshotOptions, progress: Progress
) -> SnapshotReport:
    """Scans and saves all targets in one transaction. Without changes no transaction is begun."""
    clock = engine.environment.clock
    started = clock()
    scans = [HomeScan(engine, target, options) for target in targets]
    progress.start("snapshot", sum(scan.bytes_to_read() for scan in scans))
    try:
        if all(scan.is_up_to_date for scan in scans):
            return SnapshotReport(None, started, clock() - started, tuple(scan.report() for scan in scans), 0, ())
        with transaction(engine) as tx:
            moves = [move for scan in scans for move in scan.save(tx, progress)]
            published = _publish(tx, moves, options, scans) if moves else None
            before = tx.root.refs
    finally:
        progress.done()
    for scan in scans:
        scan.save_stat_cache(before, published.op.refs if published else before)
    commits = tuple(RefHead(move.ref, move.new) for move in moves if move.new is not None)
    return SnapshotReport(
        published.id if published else None,
        published.op.time if published else started,
        clock() - started,
        tuple(scan.report() for scan in scans),
        published.stored_bytes if published else 0,
        commits,
    )


def _publish(tx: Transaction, moves: list[Move], options: SnapshotOptions, scans: list[HomeScan]) -> Published:
    """Publishes all new commits as one run."""
    statistics = {"bytes_read": sum(scan.bytes_read for scan in scans), "bytes_new": tx.raw_bytes}
    return tx.publish(moves, "snapshot", options.note, statistics)
