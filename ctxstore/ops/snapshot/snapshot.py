"""Snapshot: finds contexts, reads those that changed, writes commits, and publishes them with one swap of the root."""

import time
from collections import deque
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
from ctxstore.sources.protocol import FoundContext

TRIES = 8
"""Attempts after a conflict with another process, besides the first."""

SLICE = 10.0
"""Seconds of reading after which a snapshot publishes what it has. So a long snapshot delays no session that was read,
and continues where it was killed."""

LARGE = 64 << 20
"""Bytes from which a context is read after all smaller ones, in the order of size."""


class SnapshotReport(NamedTuple):
    """The result of a snapshot.

    - `op`: the id of the last entry that the snapshot added to the op log, or None if nothing changed.
    - `ops`: the ids of all entries it added. A long snapshot adds several. So does a snapshot during which another
      process saved some of the same contexts.
    - `time`: the time of the last entry, or the start of the snapshot if there is none (ns).
    - `duration`: in ns.
    - `commits`: (context, id) pairs.
    """

    op: ObjectId | None
    time: int
    duration: int
    sources: tuple[SourceReport, ...]
    bytes_stored: int
    commits: tuple[RefHead, ...]
    ops: tuple[ObjectId, ...] = ()


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
            # Nothing is published: another process saved the same contexts, or collected objects that this snapshot
            # relied on. Scan again.
            if not tries_left:
                raise
    raise AssertionError


def _snapshot_once(
    engine: Engine, targets: Sequence[Target], options: SnapshotOptions, progress: Progress
) -> SnapshotReport:
    """Scans and saves all targets. Without changes no transaction is begun."""
    clock = engine.environment.clock
    started = clock()
    scans = [HomeScan(engine, target, options) for target in targets]
    snapshot = _Snapshot(engine, scans, options.note, progress)
    if not all(scan.is_up_to_date for scan in scans):
        snapshot.run()
    last = snapshot.published[-1] if snapshot.published else None
    return SnapshotReport(
        last.id if last else None,
        last.op.time if last else started,
        clock() - started,
        tuple(scan.report() for scan in scans),
        sum(published.stored_bytes for published in snapshot.published),
        tuple(RefHead(move.ref, move.new) for move in snapshot.moves if move.new is not None),
        tuple(published.id for published in snapshot.published),
    )


_Pending = tuple[HomeScan, FoundContext]


class _Snapshot:
    """A snapshot in progress: reads all changed contexts and publishes them, usually in one transaction."""

    def __init__(self, engine: Engine, scans: Sequence[HomeScan], note: str, progress: Progress) -> None:
        self._engine, self._scans, self._note, self._progress = engine, scans, note, progress
        pending = [(scan, context) for scan in scans for context in scan.to_read()]
        self._sizes = {id(context): sum(file.stat.st_size for file in context.files) for _, context in pending}
        self._pending = deque(sorted(pending, key=self._order))
        self._tries_left = TRIES
        self._read_before = 0
        self._refs: tuple[ObjectId | None, ObjectId] | None = None
        self.published: list[Published] = []
        self.moves: list[Move] = []

    def _order(self, pending: _Pending) -> int:
        size = self._sizes[id(pending[1])]
        return size if size >= LARGE else 0

    def run(self) -> None:
        """Saves everything. Raises `RefMoved` or `MustRestart` if other processes are faster `TRIES` times."""
        self._progress.start("snapshot", sum(self._sizes.values()))
        try:
            self._run_slice()
            while self._pending:
                self._run_slice()
        finally:
            self._progress.done()

    def _run_slice(self) -> None:
        """Reads contexts for up to `SLICE` seconds and publishes their commits.

        Contexts are read again if another process has saved one of them since, or if gc has deleted an object that
        their commits need.
        """
        begun: list[_Pending] = []
        try:
            with transaction(self._engine) as tx:
                moves = self._read(tx, begun)
                published, lost, error = self._publish(tx, moves)
                before = tx.root.refs
        except MustRestart as restart:
            self._try_again(begun, restart)
            return
        if published:
            self.published.append(published)
            self.moves += [move for move in moves if move.ref not in lost]
        if lost:
            assert error is not None
            self._try_again([each for each in begun if each[1].name in lost], error)
        self._save_stat_caches(before, published.op.refs if published else before)

    def _read(self, tx: Transaction, begun: list[_Pending]) -> list[Move]:
        """Reads contexts until the time is over, adds them to `begun`, and returns the moves of their refs."""
        until = time.monotonic() + SLICE
        for scan in self._scans:
            scan.begin(tx, self._progress)
        moves = []
        while self._pending and (not begun or time.monotonic() < until):
            begun.append(self._pending.popleft())
            scan, context = begun[-1]
            move = scan.save(context)
            if move is not None:
                moves.append(move)
        return moves

    def _publish(self, tx: Transaction, moves: list[Move]) -> tuple[Published | None, set[str], RefMoved | None]:
        """Publishes commits with one entry of the op log, except for contexts that another process has saved since.

        Returns the names of those contexts, and an error that names one of them.
        """
        read = sum(scan.bytes_read for scan in self._scans) - self._read_before
        lost: set[str] = set()
        error = None
        while left := [move for move in moves if move.ref not in lost]:
            try:
                published = tx.publish(left, "snapshot", self._note, {"bytes_read": read, "bytes_new": tx.raw_bytes})
                self._read_before += read
                return published, lost, error
            except RefMoved as moved:
                lost.add(moved.ref)
                error = moved
        return None, lost, error

    def _try_again(self, contexts: list[_Pending], error: Exception) -> None:
        """Adds contexts to those that are still to be read.

        Raises `error` if no try is left. Also raises it if nothing was published yet, because then the caller can
        start the whole scan again.
        """
        if not self._tries_left or not self.published:
            raise error
        self._tries_left -= 1
        for scan, context in contexts:
            scan.retract(context.name)
        self._pending.extendleft(reversed(contexts))

    def _save_stat_caches(self, before: ObjectId, after: ObjectId) -> None:
        first = before if self._refs is None else self._refs[0] if self._refs[1] == before else None
        self._refs = first, after
        for scan in self._scans:
            scan.save_stat_cache(first, after, is_last=not self._pending)
