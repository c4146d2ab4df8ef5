"""A crash after every operation of every command that writes. See docs/reliability.md."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from tempfile import mkdtemp

import pytest

from ctxstore.storage.local import LocalStorage
from tests.faults.crashes import Disk, iter_disks
from tests.faults.explorer import Case, Explorer
from tests.faults.simulated import Capture, SimulatedFiles
from tests.faults.workload import Session, make_packs_small, run

SHARDS = 4


@pytest.fixture
def explorer(monkeypatch: pytest.MonkeyPatch) -> Explorer:
    make_packs_small(monkeypatch)
    return Explorer()


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_a_crash_after_any_operation_keeps_every_promise(explorer: Explorer, shard: int) -> None:
    moments = explorer.record(run)
    for moment in moments[shard::SHARDS]:
        for disk in _extremes(list(iter_disks(moment.capture, samples=0, seed=0))):
            explorer.check(Case(moment, disk))


def _extremes(disks: list[Disk]) -> list[Disk]:
    """Selects two states: all unsynced changes lost, and none lost."""
    return disks[:1] + [disk for disk in disks[1:2] if disk.fingerprint() != disks[0].fingerprint()]


def test_a_cache_that_knows_more_than_a_crash_left_does_no_harm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No file of the cache is synced, so the cache may survive when the data it describes does not."""
    make_packs_small(monkeypatch)
    monkeypatch.setattr("ctxstore.packs.index.IN_MEMORY", 0)
    (tmp_path / "cache").mkdir()
    moments = Explorer(lambda place, files: Cached(place, files, tmp_path / "cache")).record(run)
    assert (tmp_path / "cache" / "index.sqlite").exists()

    def with_cache_of_the_end(place: str, files: SimulatedFiles) -> Cached:
        copied = Path(mkdtemp(dir=tmp_path))
        copytree(tmp_path / "cache", copied, dirs_exist_ok=True)
        return Cached(place, files, copied)

    explorer = Explorer(with_cache_of_the_end)
    for moment in moments[::5]:
        explorer.check(Case(moment, next(iter_disks(moment.capture, samples=0, seed=0))))


class Cached(LocalStorage):
    """A repository whose cache is in the real file system."""

    def __init__(self, path: str, files: SimulatedFiles, cache: Path) -> None:
        super().__init__(path, files)  # type: ignore[arg-type]
        self._cache = cache

    def cache_folder(self) -> str | None:
        return str(self._cache)


def test_the_program_does_everything_that_can_go_wrong(explorer: Explorer) -> None:
    """Operations that the program leaves out are not tested."""
    moments = explorer.record(run)
    operations = [moment.capture.operation for moment in moments]
    for call in ("create /home/repository/manifests/", "unlink /home/repository/manifests/", "rename", "link"):
        assert any(operation.startswith(call) for operation in operations), call
    merged = [operation for operation in operations if operation.startswith("unlink /home/repository/packs/")]
    assert len(merged) > 24
    last = moments[-1].allowed[0]
    assert len(last.commits) >= 20 and last.forgotten and last.tags
    assert len(operations) > 400


def test_an_init_that_was_killed_over_and_over_can_be_gone_on_with() -> None:
    files = SimulatedFiles.holding({}, ("/", "/home"))
    for seed in range(40):
        files = _init_killed_before_its_root(files, seed)
    Session(files, seed=99).init()


def _init_killed_before_its_root(files: SimulatedFiles, seed: int) -> SimulatedFiles:
    """Returns the files that a killed init wrote before the root."""
    captures: list[Capture] = []
    files.on_operation = lambda operation: captures.append(files.capture(operation))
    Session(files, seed=seed).init()
    at = next(i for i, capture in enumerate(captures) if capture.operation.startswith("rename"))
    return SimulatedFiles(captures[at - 1])
