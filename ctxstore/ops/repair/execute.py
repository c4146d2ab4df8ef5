"""The execution of a repair: writes new packs, swaps the root once, then moves damaged files to quarantine."""

from __future__ import annotations

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
from ctxstore.ops.repair.plan import RepairDecision, RepairOptions, decide, is_intact
from ctxstore.packs.compact import copy_objects, once
from ctxstore.packs.format import is_data_kind
from ctxstore.packs.names import PackInfo
from ctxstore.packs.writer import PackWriter
from ctxstore.progress import SILENT, Progress
from ctxstore.storage.protocol import Storage, SwapLost

_TRIES = 16
_PLAN_TRIES = 4


class DamagedPack(NamedTuple):
    """A pack that the repair replaces: its problem, and the numbers of saved and of lost objects (None: unknown)."""

    name: str
    problem: str
    saved: int
    lost: int | None


class RepairReport(NamedTuple):
    """The report of a repair that was executed or planned.

    - `root`, `config`: the reasons why these files were recreated, or empty.
    - `taken`: maps the name of each object source to the number of objects found there.
    - `gaps`: the number of gaps in the op log.
    - `changes`: the refs that moved.
    - `forgotten`: the damaged commits that were forgotten.
    - `kept_tags`: the tags that still name a damaged commit.
    - `quarantined`: the new keys of the moved files.
    - `problems`: the damage that remains.
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
        files = self.root or self.config or self.packs or self.taken or self.quarantined
        history = self.gaps or self.changes or self.forgotten or self.kept_tags
        return not (files or history)


class RepairPlan:
    """A plan to repair a repository in its present state. Nothing is written before `execute`."""

    def __init__(self, storage: Storage, environment: Environment, decision: RepairDecision) -> None:
        self._storage = storage
        self._environment = environment
        self._decision = decision
        self.is_empty = is_intact(decision)

    def report(self, executed: bool = False, quarantined: tuple[str, ...] = ()) -> RepairReport:
        """Returns the report of the plan, or of its execution if `executed`."""
        decision = self._decision
        packs = decision.packs
        missing = (DamagedPack(pack.name, "missing", 0, pack.objects) for pack in packs.missing)
        damaged = (DamagedPack(each.info.name, each.problem, each.info.objects, each.lost) for each in packs.damaged)
        return RepairReport(
            executed=executed,
            root=decision.remains.root_problem,
            config=decision.remains.config_problem,
            packs=(*missing, *damaged),
            taken=dict(Counter(found.source.name for found in decision.store.found.values())),
            gaps=decision.gaps,
            changes=decision.changes,
            forgotten=decision.forgotten.commits,
            kept_tags=decision.forgotten.tags,
            quarantined=quarantined,
            problems=decision.problems,
        )

    def execute(self) -> RepairReport:
        """Executes the plan. Raises `StorageError`, and `MustRestart` if other processes wrote since it was made."""
        storage, remains = self._storage, self._decision.remains
        quarantined: list[str] = []
        with storage.presence():
            storage.prepare()
            storage.remove_caches()
            if remains.config_problem:
                quarantined += _quarantine(storage, KEY)
                storage.put(KEY, encode_config(self._decision.config))
            if not self.is_empty:
                self._swap(self._write_packs())
                quarantined += self._quarantine_damaged()
            storage.remove_caches()
            storage.keep_reserve()
        return self.report(True, tuple(quarantined))

    def _write_packs(self) -> list[PackInfo]:
        """Writes packs with the intact objects of damaged packs, the objects found elsewhere, and the new objects."""
        decision, store = self._decision, self._decision.store
        packer = PackWriter(self._storage, decision.root.epoch, random=self._environment.random)
        is_new = once()
        try:
            for each in decision.packs.damaged:
                copy_objects(self._storage, each.info, each.footer, packer, is_new)
            for id, found in store.found.items():
                if is_new(id):
                    packer.add(found.kind, id, store.get_found(id), is_data_kind(found.kind))
            for id, (kind, data) in store.new.items():
                if is_new(id):
                    packer.add(kind, id, data, is_data_kind(kind))
            return packer.flush()
        finally:
            packer.close()

    def _swap(self, new_packs: list[PackInfo]) -> None:
        """Swaps the root to the restored state. Raises `MustRestart` if another process swapped it before."""
        decision, roots = self._decision, RootFile(self._storage)
        root = advanced(decision.root, self._environment.clock())
        root = roots.with_packs(root, [*decision.packs.intact, *new_packs], self._environment.random)
        try:
            roots.swap(decision.remains.data, root)
        except SwapLost:
            raise MustRestart from None

    def _quarantine_damaged(self) -> list[str]:
        """Moves the damaged files, which the new root does not list, to quarantine. Returns their new keys."""
        remains, storage = self._decision.remains, self._storage
        moved = [key for each in self._decision.packs.damaged for key in _quarantine(storage, each.info.key)]
        if remains.root is None and remains.data is not None:
            moved += _quarantine(storage, OLD_ROOT)  # the swap has moved the damaged root there
        elif remains.root is not None and remains.listed is None and remains.root.manifest is not None:
            moved += _quarantine(storage, f"manifests/{remains.root.manifest}")
        return moved


def _quarantine(storage: Storage, key: str) -> list[str]:
    """Moves a file to quarantine. Returns its new key, or nothing if the file does not exist."""
    try:
        return [storage.quarantine(key)]
    except NotFound:
        return []


def plan_repair(
    storage: Storage, environment: Environment, options: RepairOptions, progress: Progress = SILENT
) -> RepairPlan:
    """Plans a repair. Plans again if something seems to be damaged and another process wrote meanwhile.

    Raises `NotFound`, `UnknownFormat`, `StorageError`, and `MustRestart` if other processes write all the time.
    """
    for _ in range(_PLAN_TRIES):
        before = _read_root(storage)
        try:
            decision = decide(storage, environment, options, progress)
        except NotFound:
            if _read_root(storage) == before:
                raise
            continue  # another process has merged packs and removed the old ones meanwhile
        is_undamaged = is_intact(decision) and not decision.problems
        if is_undamaged or _read_root(storage) == before:
            return RepairPlan(storage, environment, decision)
    raise MustRestart


def _read_root(storage: Storage) -> bytes | None:
    """Reads the bytes of the root, to detect writes by other processes. Returns None if the root is unreadable.

    An unreadable root is damage, which `decide` reports.
    """
    try:
        return storage.read_root()
    except CtxstoreError:
        return None


def repair_repository(
    storage: Storage, environment: Environment, options: RepairOptions, progress: Progress = SILENT
) -> RepairReport:
    """Plans and executes a repair, again if another process wrote meanwhile.

    Raises `NotFound`, `UnknownFormat`, `StorageError`, and `MustRestart` if other processes write all the time.
    """
    for _ in range(_TRIES):
        try:
            return plan_repair(storage, environment, options, progress).execute()
        except MustRestart:
            continue
    raise MustRestart
