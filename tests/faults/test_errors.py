"""Every error at every call to the operating system. Acknowledged data survives, and work can continue."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import ctxstore.repo.init
import ctxstore.repo.repair
from ctxstore.errors import AlreadyExists, Corrupt, CtxstoreError, StorageError
from ctxstore.ops.repair.execute import RepairReport
from ctxstore.storage import descriptor, entries, files
from tests.faults.acknowledged import Ledger
from tests.faults.broken_files import ERRORS, Calls, Fault, applies
from tests.faults.steps import (
    COLLECTIONS,
    READERS,
    STEPS,
    WORKLOAD,
    Step,
    World,
    collect,
    commit,
    damage,
    environment,
    forget,
    merge,
    open_repo,
    read,
    snapshot_more,
)
from tests.marks import slow_except

PATIENCE = 20
"""The seconds after which a call counts as hanging."""

KINDS = [
    *((kind, False) for kind in (*ERRORS, "done", "lie", "half", "one")),
    *((kind, True) for kind in ("EIO", "ENOSPC", "half", "one")),
]
"""Each kind at one call after another; then some kinds from one call on, at all later calls."""
KINDS_OF_READERS = [("EIO", False), ("EMFILE", False), ("half", False), ("one", True)]
CASES = slow_except(
    *((step, "EIO", False) for step in (commit, snapshot_more, forget, merge, read, collect)),
    of=[(step, *kind) for step in STEPS for kind in (KINDS_OF_READERS if step in READERS else KINDS)],
)

KNOWN = {"config", "packs", "manifests", "cache", "reserve", "root", "root.old", "root.lock", "writers.lock"}
"""The files of a repository's folder while no process works on it."""


@pytest.fixture(scope="module")
def stages() -> Iterator[dict[str, World]]:
    """The world before each step of the workload."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as folder:
        world = World(os.path.join(folder, "world"), Ledger())
        os.makedirs(os.path.join(world.folder, "work"))
        for name, size in (("one", 40_000), ("two", 100), ("three", 0)):
            Path(world.folder, "work", name).write_bytes(random.Random(name).randbytes(size))
        found = {"init": _copy(world, os.path.join(folder, "init"))}
        ctxstore.repo.init.init(world.place, environment=environment("init")).close()
        for step in WORKLOAD:
            found[step.__name__] = _copy(world, os.path.join(folder, step.__name__))
            with open_repo(world, step.__name__) as repo:
                step(world, repo)
            world.ledger.verify(world.place)
        shutil.rmtree(world.folder)
        yield found


def _copy(world: World, folder: str) -> World:
    shutil.copytree(world.folder, folder)
    return World(folder, world.ledger.copy())


@contextmanager
def broken(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replaces the store's calls with `calls`."""
    with monkeypatch.context() as patch:
        patch.setattr(files, "os", calls.os)
        patch.setattr(entries, "os", calls.os)
        patch.setattr(descriptor, "os", calls.os)
        patch.setattr(files, "fcntl", calls.fcntl)
        yield


@contextmanager
def no_hang() -> Iterator[None]:
    """Interrupts and fails a block that takes longer than any call may."""

    def give_up(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(PATIENCE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.fixture
def world_of(stages: dict[str, World]) -> Callable[[str], World]:
    """A function that copies a stage to the folder where the stage was made."""
    place = os.path.join(os.path.dirname(stages["init"].folder), "world")

    def make(name: str) -> World:
        shutil.rmtree(place, ignore_errors=True)
        return _copy(stages[name], place)

    return make


@pytest.mark.parametrize(("step", "kind", "lasts"), CASES, ids=lambda value: getattr(value, "__name__", str(value)))
def test_an_error_at_any_call_loses_nothing_and_ends_with_it(step, kind, lasts, world_of, monkeypatch):
    calls = _run(world_of(step.__name__), step, Calls(), monkeypatch)
    for at in [1] if lasts and kind in ("half", "one") else range(1, len(calls.names) + 1):
        if not lasts and not applies(kind, calls.names[at - 1]):
            continue
        print(f"{kind} at call {at}, {calls.names[at - 1]}")
        _run(world_of(step.__name__), step, Calls(Fault(kind, at, lasts)), monkeypatch, collect=at % 4 == 0)


def _run(world: World, step: Step, calls: Calls, monkeypatch: pytest.MonkeyPatch, *, collect: bool = True) -> Calls:
    """Takes a step with an injected fault, and checks the result."""
    before = descriptors()
    with open_repo(world, step.__name__) as repo, no_hang():
        failed = None
        with broken(calls, monkeypatch):
            try:
                step(world, repo)
            except CtxstoreError as error:
                failed = error
                print(f"    {error!r}")
        _judge(failed, calls)
        if (calls.fault and calls.fault.kind, calls.failed) == ("done", "rename") and step not in COLLECTIONS:
            assert failed is None  # the store detects a swap that happened but was reported as failed
        _go_on(world, repo, collect=collect)
    assert descriptors() <= before
    return calls


@pytest.mark.parametrize("kind", slow_except("EIO", of=[*ERRORS, "done", "half"]))
def test_an_init_with_an_error_at_any_call_can_be_done_again(kind, world_of, monkeypatch):
    def init(world: World, seed: str = "init") -> None:
        ctxstore.repo.init.init(world.place, environment=environment(seed)).close()

    for at in range(1, len(_call(world_of("init"), init, Calls(), monkeypatch)[0].names) + 1):
        world, calls = world_of("init"), Calls(Fault(kind, at))
        print(f"{kind} at call {at}")
        _, failed = _call(world, init, calls, monkeypatch)
        assert failed is None or isinstance(failed, StorageError)
        if failed is not None:
            with suppress(AlreadyExists):  # the repository was created despite the error
                init(world, "again")
        with open_repo(world, "same") as repo:
            _go_on(world, repo, collect=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["EIO", "ENOSPC", "EMFILE", "done"])
def test_a_repair_with_an_error_at_any_call_can_be_done_again(kind, world_of, monkeypatch):
    reports: list[RepairReport] = []

    def repair(world: World, seed: str = "repair") -> None:
        reports.append(ctxstore.repo.repair.repair(world.place, environment=environment(seed)))

    def damaged() -> World:
        world = world_of("recompress")
        damage(world)
        return world

    for at in range(1, len(_call(damaged(), repair, Calls(), monkeypatch)[0].names) + 1):
        world, calls = damaged(), Calls(Fault(kind, at))
        reports.clear()
        _, failed = _call(world, repair, calls, monkeypatch)
        print(f"{kind} at call {at}: {failed!r}")
        # to a repair, unreadable files are damaged
        assert failed is None or isinstance(failed, (StorageError, Corrupt))
        repair(world, "again")
        with open_repo(world, "afterwards") as repo:
            world.ledger.commit(repo, "chat/a", "new")
            assert repo.check(read_data=True).problems == ()
            for (ref, _), ids in world.ledger.heads.items():
                assert set(ids) <= {id for id, _ in repo.log(ref)}
        if not any(report.gaps for report in reports):
            # A repair that could not read the previous op writes an op that does not record the changes since that
            # op.
            world.ledger.verify(world.place)


def _call(
    world: World, call: Callable[[World], None], calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> tuple[Calls, CtxstoreError | None]:
    """Makes a call that has no open repository yet."""
    before, failed = descriptors(), None
    with no_hang(), broken(calls, monkeypatch):
        try:
            call(world)
        except CtxstoreError as error:
            failed = error
    assert descriptors() <= before
    return calls, failed


def _judge(failed: CtxstoreError | None, calls: Calls) -> None:
    """Asserts that the call failed in a documented way, or not at all."""
    assert failed is None or isinstance(failed, StorageError)
    assert failed is None or (calls.fault is not None and calls.fault.kind not in ("half", "one"))
    assert calls.hits or calls.fault is None
    assert not calls.synced_again


def _go_on(world: World, repo: ctxstore.Repo, *, collect: bool) -> None:
    """Checks the repository after the error.

    All data exists, the same program and a new one can continue, and a collection leaves no litter.
    """
    world.ledger.verify(world.place)
    world.ledger.commit(repo, "chat/a", "same")
    with open_repo(world, "afterwards") as fresh:
        world.ledger.commit(fresh, "chat/a", "new")
        if collect:
            fresh.gc()
    assert world.ledger.verify(world.place).litter == set() or not collect
    assert set(os.listdir(world.place)) <= KNOWN
