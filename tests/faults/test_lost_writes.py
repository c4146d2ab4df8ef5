"""A crash that loses any unsynced changes, in any order. See docs/reliability.md."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest

from ctxstore.history.root import RootFile, decode_root
from ctxstore.storage.local import LocalStorage
from tests.faults.explorer import Case, Explorer, iter_cases, iter_random_cases
from tests.faults.oracle import BrokenPromise
from tests.faults.workload import Folder, make_packs_small, run
from tests.marks import slow_except

SHARDS = 8
SAMPLES = 64
"""The number of tested states of a crash with more than six pending changes …"""
AFTER_KILL = int(os.environ.get("CTXSTORE_CRASH_STATES", "32"))
"""… and of a crash after other programs continued from a kill, for each kill."""


@pytest.fixture
def explorer(monkeypatch: pytest.MonkeyPatch) -> Explorer:
    make_packs_small(monkeypatch)
    return Explorer()


@pytest.mark.parametrize("shard", slow_except(0, of=range(SHARDS)))
def test_whatever_a_crash_loses_every_promise_is_kept(explorer: Explorer, shard: int) -> None:
    for case in iter_cases(explorer.record(run), max(SAMPLES, AFTER_KILL)):
        if case.moment.number % SHARDS == shard:
            explorer.check(case)


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_crash_after_others_went_on_from_a_kill_keeps_every_promise(explorer: Explorer, shard: int) -> None:
    """The unsynced writes of the killed program are still pending, and no other program may have relied on them."""
    for case in _after_kills(explorer, shard):
        explorer.check(case)


def _after_kills(explorer: Explorer, shard: int) -> Iterator[Case]:
    moments = explorer.record(run)
    seen: set[Hashable] = set()
    for moment in moments[shard * len(moments) // SHARDS : (shard + 1) * len(moments) // SHARDS]:
        yield from iter_random_cases(explorer.killed(moment), AFTER_KILL, moment.number, seen)


@pytest.mark.slow
def test_the_states_are_20_000_different_ones(explorer: Explorer) -> None:
    found = {case.disk.fingerprint() for case in iter_cases(explorer.record(run), SAMPLES)}
    for shard in range(SHARDS):
        found |= {case.disk.fingerprint() for case in _after_kills(explorer, shard)}
    print(f"{len(found)} states")
    assert len(found) >= 20_000


# -- the proof that this can fail


class Lying:
    """Files that skip one call, for paths that end in `where`."""

    def __init__(self, files: Any, call: str, where: str = "") -> None:
        self._files, self._call, self._where = files, call, where

    def __getattr__(self, name: str) -> Any:
        if name == self._call:
            return lambda target: None if str(target).endswith(self._where) else getattr(self._files, name)(target)
        return getattr(self._files, name)


class RenamesBeforeSyncing(Folder):
    """A store that renames the root into place before the root is durable."""

    def _replace_root(self, new: bytes, **options: object) -> None:
        pending = self._root + ".new"
        try:
            self.files.unlink(pending)
        except FileNotFoundError:
            pass
        fd = self.files.create(pending)
        self.files.write(fd, new)
        self.files.rename(pending, self._root)
        self.files.sync(fd)
        self.files.close(fd)
        self.files.sync_folder(self.path)


class DeletesBeforeSwapping(Folder):
    """A store that deletes packs before a root without them is in place."""

    def swap(self, expected: bytes | None, new: bytes) -> None:
        roots = RootFile(self)
        kept = roots.packs(decode_root(new))
        for pack in roots.packs(decode_root(expected)) if expected else ():
            if pack not in kept:
                self.delete(pack.key)
        super().swap(expected, new)


class NeverSettles(Folder):
    """A collector that deletes unlisted packs under a root that a crash may take back."""

    def settle(self) -> None:
        pass


class NeverConfirms(Folder):
    """An init that trusts a config which may not be durable."""

    def confirm(self, key: str) -> None:
        pass


class NeverLooksUp(Folder):
    """An init that continues in a folder whose own name may not be durable."""

    def _sync_parents(self) -> None:
        pass


class OverwritesTheRoot(Folder):
    """A store that overwrites the root in place."""

    def _replace_root(self, new: bytes, **options: object) -> None:
        if self.read_root() is not None:
            self.files.unlink(self._root)
        fd = self.files.create(self._root)
        self.files.write(fd, new)
        self.files.sync(fd)
        self.files.close(fd)
        self.files.sync_folder(self.path)


BROKEN: dict[str, Callable[[str, Any], LocalStorage]] = {
    "syncs no file": lambda place, files: Folder(place, Lying(files, "sync")),  # type: ignore[arg-type]
    "syncs no folder": lambda place, files: Folder(place, Lying(files, "sync_folder")),  # type: ignore[arg-type]
    "does not sync packs/": lambda place, files: Folder(place, Lying(files, "sync_folder", "packs")),  # type: ignore[arg-type]
    "does not sync manifests/": lambda place, files: Folder(place, Lying(files, "sync_folder", "manifests")),  # type: ignore[arg-type]
    "does not sync the root's name": lambda place, files: Folder(place, Lying(files, "sync_folder", "repository")),  # type: ignore[arg-type]
    "renames before syncing": RenamesBeforeSyncing,
    "deletes before swapping": DeletesBeforeSwapping,
    "overwrites the root": OverwritesTheRoot,
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_explorer_finds_a_store_that(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    make_packs_small(monkeypatch)
    explorer = Explorer(BROKEN[fault])
    with pytest.raises(BrokenPromise):
        for case in iter_cases(explorer.record(run), samples=8):
            explorer.check(case)


@pytest.mark.parametrize(("storage", "call"), [(NeverSettles, "rename"), (NeverConfirms, ""), (NeverLooksUp, "")])
def test_the_explorer_finds_who_goes_on_from_a_kill_without(
    monkeypatch: pytest.MonkeyPatch, storage: type[Folder], call: str
) -> None:
    make_packs_small(monkeypatch)
    explorer = Explorer(storage)
    seen: set[Hashable] = set()
    with pytest.raises(BrokenPromise):
        for moment in explorer.record(run):
            if moment.capture.operation.startswith(call):
                for case in iter_random_cases(explorer.killed(moment), 100, moment.number, seen):
                    explorer.check(case)
