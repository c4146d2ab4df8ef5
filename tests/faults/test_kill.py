"""Processes that are killed at any moment, or stop and continue much later. Acknowledged data survives."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import ctxstore.repo.open
from ctxstore.storage.files import Files
from tests.faults.processes import Scene, Server, kill
from tests.faults.worker import DAY
from tests.marks import slow_except

CHAINS, ROUNDS = 10, 52


@pytest.mark.parametrize("chain", slow_except(0, of=range(CHAINS)))
def test_processes_killed_at_any_moment_lose_nothing_acknowledged(chain: int, scene: Scene, server: Server) -> None:
    source = random.Random(chain)
    for number in range(ROUNDS):
        print(f"chain {chain}, round {number}")
        _kill_one(scene, server, source, f"w{number}")
        scene.read_log()
        scene.ledger.verify(scene.place)
        if number % 13 == 12:
            with ctxstore.repo.open.open(scene.place) as repo:
                repo.gc()
                assert repo.check(read_data=True).problems == ()
            assert scene.ledger.verify(scene.place).litter == set()
    assert scene.ledger.commits


def _kill_one(scene: Scene, server: Server, source: random.Random, who: str) -> None:
    """Kills a worker before one of its calls to the operating system, or at any time."""
    seed = source.randrange(1 << 30)
    if source.random() < 0.5:
        at = source.randrange(1, 400)
        pid = server.start(scene.task("live", who, seed=seed, signal=signal.SIGKILL, at=at))
    else:
        pid = server.start(scene.task("live", who, seed=seed))
        scene.wait_for_start(who)
        time.sleep(10 ** source.uniform(-5, -1.3))
        kill(pid)
    status = server.wait(pid)
    assert status is not None and os.WIFSIGNALED(status), scene.read_log()[-1]


STOPS = {
    "commit_once": (44, 1),
    "commit_often": (30, 7),
    "snapshot_once": (24, 2),
    "collect_once": (16, 5),
    "recompress_once": (24, 9),
}
"""The number of moments at which each job is stopped, and the calls between two moments."""


@pytest.mark.parametrize("job", slow_except("collect_once", of=STOPS))
def test_a_process_that_stops_and_goes_on_days_later_loses_nothing(job: str, scene: Scene, server: Server) -> None:
    stopped = waited = 0
    moments, calls = STOPS[job]
    for number in range(moments):
        print(f"round {number}")
        clock = number * 4 * DAY
        if number % 3 == 0 or "commit" not in job:
            _run(scene, server, "commit_often", f"before{number}", clock=clock)
        at = 1 + number * calls
        pid = server.start(scene.task(job, f"stopped{number}", clock=clock, at=at, signal=signal.SIGSTOP))
        status = server.wait(pid)
        if status is not None and os.WIFSTOPPED(status):
            stopped += 1
            waited += _go_on_around(scene, server, pid, f"others{number}", clock)
        scene.read_log()
        scene.ledger.verify(scene.place)
        with ctxstore.repo.open.open(scene.place) as repo:
            repo.gc()
        assert scene.ledger.verify(scene.place).litter == set()
    again = Counter(said["again"] for said in scene.said if "again" in said)
    print(f"{job}: stopped at {stopped} moments, others waited at {waited}; {dict(again)}")
    assert stopped > 5
    assert waited < stopped
    # The packs of a writer that stopped between their write and the swap are gone. The writer must restart.
    assert again["MustRestart"] or job in ("collect_once", "recompress_once", "snapshot_once")


def _go_on_around(scene: Scene, server: Server, stopped: int, who: str, clock: int) -> bool:
    """Commits and collects twice in other processes while one is stopped, then continues it.

    Returns whether the others had to wait for it.
    """
    waits = _is_locked(scene, "root.lock") or _is_locked(scene, "writers.lock")
    others = server.start(scene.task("pass_days", who, clock=clock))
    status = server.wait(others, 0.1 if waits else 60)
    assert status == (None if waits else 0), scene.read_log()
    os.kill(stopped, signal.SIGCONT)
    assert server.wait(stopped) == 0, scene.read_log()
    assert status == 0 or server.wait(others) == 0, scene.read_log()
    return waits


def _run(scene: Scene, server: Server, job: str, who: str, clock: int) -> None:
    assert server.wait(server.start(scene.task(job, who, clock=clock))) == 0, scene.read_log()


def _is_locked(scene: Scene, name: str) -> bool:
    """Whether this lock prevents other processes from writing."""
    lock = Files().lock(os.path.join(scene.place, name), shared=name == "writers.lock", wait=False)
    if lock is not None:
        Files().unlock(lock)
    return lock is None


def test_a_lock_is_let_go_though_a_child_inherited_its_descriptor(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    held = Files().lock(path)
    assert held is not None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(held,))
    try:
        assert Files().lock(path, wait=False) is None
        Files().unlock(held)
        again = Files().lock(path, wait=False)
        assert again is not None
        Files().unlock(again)
    finally:
        child.communicate(b"\n")
