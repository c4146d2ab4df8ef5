"""Carries a repair out: new packs, then one swap of the root, then what was damaged goes to quarantine."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from ctxstore.errors import CtxstoreError, NotFound
from ctxstore.history.config import KEY, encode_config
from ctxstore.history.engine import Environment
from ctxstore.history.oplog import RefChange
from ctxstore.history.root import RootFile, advanced
from ctxstore.history.transaction import MustRestart
from ctxstore.ids import ObjectId
from ctxstore.ops.check.check import CheckProblem
from ctxstore.ops.repair.examine import OLD_ROOT
from ctxstore.ops.repair.plan import RepairDecision, RepairOptions, decide, is_whole
from ctxstore.packs.compact import copy_objects, once
from ctxstore.packs.format import is_data_kind
from ctxstore.packs.names import PackInfo
from ctxstore.packs.writer import PackWriter
from ctxstore.progress import SILENT, Progress
from ctxstore.storage.protocol import Storage, SwapLost

_TRIES = 16
_LOOKS = 4


class DamagedPack(NamedTuple):
    """A pack that is no longer used: what was wrong, and how many objects were saved and lost (None: unknown)."""

    name: str
    problem: str
    saved: int
    lost: int | None


class RepairReport(NamedTuple):
    """What a repair did, or would do. `root` and `config` say why they were made anew, or nothing.

    `taken` counts objects by where they were found; `gaps` those in the chain of ops; `changes` are refs that moved,
    `forgotten` commits that were given up, `kept_tags` tags that still name a damaged one; `problems` is what remains.
    """

    executed: bool
    root: str
    config: str
    packs: tuple[DamagedPack, ...]
    taken: Mapping[str, int]
    gaps: int
    changes: tuple[RefChange, ...]
    forgotten: tuple[ObjectId, ...]
    kept_tags: tuple[str, ...]
    quarantined: tuple[str, ...]
    problems: tuple[CheckProblem, ...]

    @property
    def did_nothing(self) -> bool:
        """Whether there was nothing to repair."""
        made = self.root, self.config, self.packs, self.taken, self.gaps
        return not any((*made, self.changes, self.forgotten, self.kept_tags, self.quarantined))


class RepairPlan:
    """What a repair would do, as of now. Nothing is written before `execute`."""

    def __init__(self, storage: Storage, environment: Environment, decided: RepairDecision) -> None:
        self._storage = storage
        self._environment = environment
        self._decided = decided
        self.is_empty = is_whole(decided)

    def report(self, executed: bool = False, quarantined: tuple[str, ...] = ()) -> RepairReport:
        """What is done, or to be done."""
        found, packs, stock = self._decided.found, self._decided.packs, self._decided.stock
        gone = (DamagedPack(pack.name, "missing", 0, pack.objects) for pack in packs.missing)
        hurt = (DamagedPack(each.info.name, each.problem, each.info.objects, each.lost) for each in packs.damaged)
        return RepairReport(
            executed,
            found.root_problem,
            found.config_problem,
            (*gone, *hurt),
            dict(Counter(taken.source.name for taken in stock.taken.values())),
            self._decided.gaps,
            self._decided.changes,
            self._decided.given_up.commits,
            self._decided.given_up.tags,
            quarantined,
            self._decided.problems,
        )

    def execute(self) -> RepairReport:
        """Carry it out. Raises `MustRestart` when others wrote meanwhile, `StorageError`."""
        storage, found = self._storage, self._decided.found
        quarantined: list[str] = []
        with storage.presence():
            storage.prepare()
            _remove_caches(storage.cache_folder())
            if found.config_problem:
                quarantined += _quarantine(storage, KEY)
                storage.put(KEY, encode_config(self._decided.config))
            if not self.is_empty:
                made = self._write()
                self._swap(made)
                quarantined += self._remove_damaged()
            _remove_caches(storage.cache_folder())
            storage.keep_reserve()
        return self.report(True, tuple(quarantined))

    def _write(self) -> list[PackInfo]:
        """New packs with all that was saved, taken, and made anew."""
        decided, stock = self._decided, self._decided.stock
        packer = PackWriter(self._storage, decided.root.epoch, random=self._environment.random)
        is_new = once()
        try:
            for each in decided.packs.damaged:
                copy_objects(self._storage, each.info, each.footer, packer, is_new)
            for id, taken in stock.taken.items():
                if is_new(id):
                    packer.add(taken.kind, id, stock.take(id), is_data_kind(taken.kind))
            for id, (kind, data) in stock.made.items():
                if is_new(id):
                    packer.add(kind, id, data, is_data_kind(kind))
            return packer.flush()
        finally:
            packer.close()

    def _swap(self, made: list[PackInfo]) -> None:
        decided, roots = self._decided, RootFile(self._storage)
        root = advanced(decided.root, self._environment.clock())
        root = roots.with_packs(root, [*decided.packs.sound, *made], self._environment.random)
        try:
            roots.swap(decided.found.data, root)
        except SwapLost:
            raise MustRestart from None

    def _remove_damaged(self) -> list[str]:
        """Move what no root lists any more, and was damaged, out of the way."""
        found, storage = self._decided.found, self._storage
        moved = [key for each in self._decided.packs.damaged for key in _quarantine(storage, each.info.key)]
        if found.root is None and found.data is not None:
            moved += _quarantine(storage, OLD_ROOT)  # the swap has made the damaged one that
        elif found.root is not None and found.listed is None and found.root.manifest is not None:
            moved += _quarantine(storage, f"manifests/{found.root.manifest}")
        return moved


def _quarantine(storage: Storage, key: str) -> list[str]:
    try:
        return [storage.quarantine(key)]
    except NotFound:
        return []


def _remove_caches(folder: str | None) -> None:
    """Copies, all of them: what a reader needs of them it makes anew."""
    if folder is None:
        return
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        try:
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        except OSError:
            continue


def plan_repair(
    storage: Storage, environment: Environment, options: RepairOptions, progress: Progress = SILENT
) -> RepairPlan:
    """Look what is damaged, and what can be done; anew when others wrote in between and something seemed to be missing.

    Raises `NotFound`, `UnknownFormat`, `StorageError`, and `MustRestart` if others never pause.
    """
    for _ in range(_LOOKS):
        before = _find_root(storage)
        try:
            decided = decide(storage, environment, options, progress)
        except NotFound:
            if _find_root(storage) == before:
                raise
            continue  # a writer merged packs away meanwhile
        is_sound = is_whole(decided) and not decided.problems
        if is_sound or _find_root(storage) == before:
            return RepairPlan(storage, environment, decided)
    raise MustRestart


def _find_root(storage: Storage) -> bytes | None:
    """What is there now, to know whether somebody else wrote: that it can't be read is damage, and said elsewhere."""
    try:
        return storage.read_root()
    except CtxstoreError:
        return None


def repair(
    storage: Storage, environment: Environment, options: RepairOptions, progress: Progress = SILENT
) -> RepairReport:
    """Plan and execute, anew when others wrote in between. Raises `MustRestart` if they never pause."""
    for _ in range(_TRIES):
        try:
            return plan_repair(storage, environment, options, progress).execute()
        except MustRestart:
            continue
    raise MustRestart
