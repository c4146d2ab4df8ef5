"""Garbage collection: mark exactly, rewrite sparse packs, drop dead ones, sweep litter. docs/format/protocol.md."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from ctxstore.errors import NoSpace, NotFound, StorageError
from ctxstore.history.engine import Engine
from ctxstore.history.root import RepositoryState, advanced
from ctxstore.history.transaction import MustRestart
from ctxstore.ops.gc.last_run import is_worthwhile, write_note
from ctxstore.ops.gc.mark import Liveness, Marking, Order
from ctxstore.ops.gc.repack import Rewrite
from ctxstore.ops.gc.sweep import Deferred, iter_litter, iter_stored, sweep
from ctxstore.packs.names import PackInfo
from ctxstore.progress import SILENT, Progress
from ctxstore.storage.protocol import Presence, SwapLost

SPARSE = 0.75
"""A pack with a smaller share of live bytes than this is rewritten."""

WORTH_REPORTING = 64 << 10
MOSTLY_USED = "some lies in packs that are mostly in use, rewritten when a quarter of one is dead or by --recompress"

_TRIES = 16
_SWAPS = 64


class GcResult(NamedTuple):
    """What was freed: bytes in the repository before and after; `freed_later` freed_later, and `reason` says for what."""

    bytes_before: int
    bytes_after: int
    freed_now: int
    freed_later: int
    reason: str


class GcPlan:
    """What a collection would do, as of the root it was new_packs from. Nothing is written before `execute`."""

    def __init__(self, engine: Engine, root: RepositoryState, *, recompress: bool, progress: Progress) -> None:
        self._engine = engine
        self._order = Order() if recompress else None
        self._marking = Marking(engine, root, order=self._order, progress=progress)
        self._live_bytes: dict[PackInfo, int] = {}
        self.live = self.dead = self.frees = 0
        self._choose(engine.roots.packs(root))
        litter = list(iter_litter(engine, root))
        self.litter = tuple(stored.key for stored in litter)
        self.frees += sum(stored.size for stored in litter)
        self.bytes_before = _stored_bytes(engine)

    def _choose(self, packs: Sequence[PackInfo]) -> None:
        remove, rewrite, freed, unreclaimed = [], [], 0.0, 0.0
        for pack in packs:
            found = self._marking.liveness(pack)
            self.live += found.live
            self.dead += found.dead
            if not found.live:
                remove.append(pack)
                freed += pack.size
            elif self._order is not None or _is_sparse(found):
                rewrite.append(pack)
                self._live_bytes[pack] = found.live_bytes
                freed += pack.size * (1 - found.live_bytes / (found.all_bytes or 1))
            else:
                unreclaimed += pack.size * (1 - found.live_bytes / (found.all_bytes or 1))
        self._remove, self._rewrite = remove, rewrite
        self.remove = tuple(pack.name for pack in remove)
        self.rewrite = tuple(pack.name for pack in rewrite)
        self.frees = int(freed)
        self.unreclaimed = int(unreclaimed) if unreclaimed > WORTH_REPORTING else 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self._remove or self._rewrite or self.litter)

    def execute(self, progress: Progress = SILENT) -> GcResult:
        """Carry it out. Raises `MustRestart` when the repository moved on so that the plan has to be new_packs anew."""
        engine = self._engine
        reason = ""
        with engine.storage.presence() as presence:
            self._sweep(presence)  # first, because a full disk has no room for what follows
            try:
                self._replace(self._rewrite, self._remove, progress)
            except NoSpace as error:
                reason = self._replace_by_steps(presence, error)
            deferred = self._sweep(presence)
            engine.storage.keep_reserve()
            engine.store.index.compact()
        if not reason:
            write_note(engine)
        after = _stored_bytes(engine)
        freed = max(0, self.bytes_before - after)
        freed_later = deferred.bytes + self.unreclaimed
        reasons = (reason, deferred.reason if deferred.bytes else "", MOSTLY_USED if self.unreclaimed else "")
        return GcResult(self.bytes_before, after, freed, freed_later, "; ".join(filter(None, reasons)))

    def _sweep(self, presence: Presence) -> Deferred:
        try:
            return sweep(self._engine, presence)
        finally:
            presence.share()  # what follows may take long, and must keep nobody waiting

    def _replace_by_steps(self, presence: Presence, error: NoSpace) -> str:
        """On a full disk: drop what needs no room, then rewrite one pack at a time, the emptiest first.

        Returns why it did not get to the end.
        """
        if not self._engine.storage.spend_reserve() and not self._remove:
            raise error
        steps = [
            ([], self._remove),
            *(([pack], []) for pack in sorted(self._rewrite, key=self._live_bytes.__getitem__)),
        ]
        for rewrite, remove in steps:
            try:
                self._replace(rewrite, remove, SILENT)
            except NoSpace:
                return "the disk is too full to rewrite what is in use; free some more, then collect again"
            self._sweep(presence)
        return ""

    def _replace(self, rewrite: Sequence[PackInfo], remove: Sequence[PackInfo], progress: Progress) -> None:
        """Exchange `rewrite` for what is in use of them, drop `remove`, in one swap."""
        if not rewrite and not remove:
            return
        new_packs = self._copy(rewrite, progress) if rewrite else []
        self._swap(rewrite, remove, new_packs)

    def _copy(self, packs: Sequence[PackInfo], progress: Progress) -> list[PackInfo]:
        try:
            return Rewrite(self._engine, self._marking, packs, progress).run(self._order)
        except NotFound:
            listed = self._engine.roots.packs(self._engine.root())
            if all(pack in listed for pack in packs):
                raise
            raise MustRestart from None  # merged away by a writer, or this one's swap had happened though it failed

    def _swap(self, rewritten: Sequence[PackInfo], removed: Sequence[PackInfo], new_packs: Sequence[PackInfo]) -> None:
        """Take the old packs out of the root, after marking what others added since.

        A writer that swapped in between may rely on what was found dead: if so, start anew.
        """
        engine = self._engine
        epoch = self._marking.root.epoch
        names = {pack.name for pack in (*rewritten, *removed)}
        for _ in range(_SWAPS):
            root, data = engine.load()
            if root != self._marking.root:
                self._catch_up(root, epoch, rewritten, removed)
            kept = [pack for pack in engine.roots.packs(root) if pack.name not in names]
            environment = engine.environment
            new = engine.roots.with_packs(advanced(root, environment.clock()), [*kept, *new_packs], environment.random)
            try:
                engine.roots.swap(data, new)
            except SwapLost:
                continue
            self._marking.root = new
            with suppress(StorageError):  # it is done; who reads next asks again
                engine.root()  # not `new`, which may be history by now: a thread that writes goes by the newest one
            return
        raise MustRestart

    def _catch_up(
        self, root: RepositoryState, epoch: int, rewritten: Sequence[PackInfo], removed: Sequence[PackInfo]
    ) -> None:
        """Raises `MustRestart` unless the plan still stands for `root`."""
        listed = {pack.name for pack in self._engine.roots.packs(root)}
        if root.epoch - epoch > 1 or any(pack.name not in listed for pack in rewritten):
            raise MustRestart
        try:
            planned = [pack for pack in (*rewritten, *removed) if pack.name in listed]
            if not self._marking.mark_additions(root) or self._marking.is_revived(planned):
                raise MustRestart
        except NotFound:
            if self._engine.root() == root:
                raise
            raise MustRestart from None  # merged away meanwhile


def plan_gc(engine: Engine, *, recompress: bool = False, progress: Progress = SILENT) -> GcPlan:
    """Mark what is reachable and choose what to rewrite and remove. Raises `Corrupt` if something can't be followed."""
    for _ in range(_TRIES):
        root = engine.root()
        try:
            return GcPlan(engine, root, recompress=recompress, progress=progress)
        except NotFound:
            if engine.root() == root:
                raise
            # Else a writer merged packs away meanwhile; what it new_packs of them is in the new root.
    raise MustRestart


def collect(engine: Engine, *, recompress: bool = False, progress: Progress = SILENT) -> GcResult:
    """Plan and execute, anew when others wrote in between. Raises `MustRestart` if they never pause.

    When nothing was forgotten since the last time and little was added, only litter is swept: nothing else is dead.
    """
    if not recompress and not is_worthwhile(engine):
        return _sweep_only(engine)
    for _ in range(_TRIES):
        try:
            return plan_gc(engine, recompress=recompress, progress=progress).execute(progress)
        except MustRestart:
            continue
    raise MustRestart


def _sweep_only(engine: Engine) -> GcResult:
    before = _stored_bytes(engine)
    with engine.storage.presence() as presence:
        deferred = sweep(engine, presence)
        engine.storage.keep_reserve()
    after = _stored_bytes(engine)
    return GcResult(before, after, max(0, before - after), deferred.bytes, deferred.reason)


def _is_sparse(found: Liveness) -> bool:
    return found.live_bytes < found.all_bytes * SPARSE


def _stored_bytes(engine: Engine) -> int:
    return sum(stored.size for stored in iter_stored(engine))
