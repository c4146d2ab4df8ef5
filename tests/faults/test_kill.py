"""Processes that are killed at any moment, or stop and go on much later: nothing acknowledged is lost."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

import ctxstore.repo
from tests.faults.processes import Scene, Server, kill

CHAINS, ROUNDS = 10, 52


@pytest.mark.parametrize("chain", range(CHAINS))
def test_processes_killed_at_any_moment_lose_nothing_acknowledged(chain: int, scene: Scene, server: Server) -> None:
    source = random.Random(chain)
    for number in range(ROUNDS):
        print(f"chain {chain}, round {number}")
        _kill_one(scene, server, source, f"w{number}")
        scene.read_log()
        scene.ledger.verify(scene.place)
        if number % 13 == 12:
            with ctxstore.repo.open(scene.place) as repo:
                repo.gc()
                assert repo.check(read_data=True).problems == ()
            assert scene.ledger.verify(scene.place).litter == set()
    assert len(scene.ledger.commits) > ROUNDS


def _kill_one(scene: Scene, server: Server, source: random.Random, who: str) -> None:
    """Kill a worker: before a call of its own to the operating system, or whenever it may be."""
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
