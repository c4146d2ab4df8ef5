"""Garbage collection: marks reachable objects, rewrites sparse packs, drops dead packs and deletes unlisted files.

docs/format/protocol.md explains why it is safe while others write.
"""

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
"""A pack is rewritten if less than this share of its bytes is live."""

WORTH_REPORTING = 64 << 10
"""Less dead space than this (bytes) in packs that are kept is not reported."""
MOSTLY_USED = "some is in packs mostly in use, which gc rewrites when a quarter of a pack is dead, or with --recompress"
"""The reason why a collection leaves dead space behind."""

_TRIES = 16
"""Attempts to plan and execute while others write."""
_SWAPS = 64
"""Attempts to swap the root."""


class GcResult(NamedTuple):
    """The result of a collection, in bytes.

    `freed_later` could not be freed now, and `reason` explains why.
    """

    bytes_before: int
    bytes_after: int
    freed_now: int
    freed_later: int
    reason: str


class GcPlan:
    """A plan of a collection, for one state of the repository. Nothing is written before `execute`.

    - `live`, `dead`: numbers of objects.
    - `frees`: the estimated number of bytes freed.
    - `unreclaimed`: the dead bytes in packs that are kept.
    - `remove`, `rewrite`: names of packs.
    """

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
        """Chooses the packs to remove and to rewrite."""
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
        """Executes the plan. Raises `MustRestart` if the repository has changed so that a new plan is needed."""
        engine = self._engine
        reason = ""
        with engine.storage.presence() as presence:
            self._sweep(presence)  # first, because a full disk has no room for the next steps
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
        """Deletes unlisted files, and returns the deferred bytes."""
        try:
            return sweep(self._engine, presence)
        finally:
            presence.share()  # the next steps may take long and must not block other processes

    def _replace_by_steps(self, presence: Presence, error: NoSpace) -> str:
        """Collects on a full disk: drops dead packs first, then rewrites one pack at a time, the emptiest first.

        Returns the reason if it could not finish, else an empty string.
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
                return "the disk is too full to rewrite packs; free some space, then run gc again"
            self._sweep(presence)
        return ""

    def _replace(self, rewrite: Sequence[PackInfo], remove: Sequence[PackInfo], progress: Progress) -> None:
        """Replaces the packs `rewrite` by copies of their live objects, and drops the packs `remove`, in one swap of
        the root."""
        if not rewrite and not remove:
            return
        new_packs = self._copy(rewrite, progress) if rewrite else []
        self._swap(rewrite, remove, new_packs)

    def _copy(self, packs: Sequence[PackInfo], progress: Progress) -> list[PackInfo]:
        """Copies the live objects of some packs to new packs. Raises `MustRestart` if a pack is no longer listed."""
        try:
            return Rewrite(self._engine, self._marking, packs, progress).run(self._order)
        except NotFound:
            listed = self._engine.roots.packs(self._engine.root())
            if all(pack in listed for pack in packs):
                raise
            # a writer merged it, or an earlier swap succeeded although it reported a failure
            raise MustRestart from None

    def _swap(self, rewritten: Sequence[PackInfo], removed: Sequence[PackInfo], new_packs: Sequence[PackInfo]) -> None:
        """Replaces packs in the root, after marking the objects that others added since.

        A writer that swapped in between may rely on objects that were found dead. Then a new plan is needed.
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
            with suppress(StorageError):  # the swap is done; the next reader loads the root again
                # read the root again instead of using `new`: a writing thread may have replaced it already
                engine.root()
            return
        raise MustRestart

    def _catch_up(
        self, root: RepositoryState, epoch: int, rewritten: Sequence[PackInfo], removed: Sequence[PackInfo]
    ) -> None:
        """Marks the additions of a newer root. Raises `MustRestart` if the plan is no longer valid for it."""
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
            raise MustRestart from None  # another process merged the pack


def plan_gc(engine: Engine, *, recompress: bool = False, progress: Progress = SILENT) -> GcPlan:
    """Marks reachable objects and chooses the packs to rewrite and remove. Raises `Corrupt` if marking finds damage."""
    for _ in range(_TRIES):
        root = engine.root()
        try:
            return GcPlan(engine, root, recompress=recompress, progress=progress)
        except NotFound:
            if engine.root() == root:
                raise
            # A writer has merged packs since. The new root lists the merged ones.
    raise MustRestart


def collect(engine: Engine, *, recompress: bool = False, progress: Progress = SILENT) -> GcResult:
    """Plans and executes a collection, and repeats this if others wrote in between.

    If nothing was forgotten since the last collection and little was added, only unlisted files are deleted: nothing
    else is dead. Raises `MustRestart` if others never pause.
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
    """Deletes unlisted files without marking."""
    before = _stored_bytes(engine)
    with engine.storage.presence() as presence:
        deferred = sweep(engine, presence)
        engine.storage.keep_reserve()
    after = _stored_bytes(engine)
    return GcResult(before, after, max(0, before - after), deferred.bytes, deferred.reason)


def _is_sparse(found: Liveness) -> bool:
    """Whether a pack has so few live bytes that it should be rewritten."""
    return found.live_bytes < found.all_bytes * SPARSE


def _stored_bytes(engine: Engine) -> int:
    """Returns the size of all packs and manifests."""
    return sum(stored.size for stored in iter_stored(engine))
