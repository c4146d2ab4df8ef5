"""Many processes at once, using every command. Acknowledged data survives, and every history is linear."""

from __future__ import annotations

import time
from collections import Counter

import pytest

import ctxstore.repo.open
from tests.faults.processes import Scene, Server

ROLES = ("write", "clean", "write", "change", "save", "look", "write", "save")


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "seconds"), [(2, 6), (6, 12), (16, 12)])
def test_processes_at_once_lose_nothing_acknowledged(
    processes: int, seconds: float, scene: Scene, server: Server
) -> None:
    began = time.monotonic()
    started = {}
    for number in range(processes):
        role = ROLES[number % len(ROLES)]
        task = scene.task(role, f"{role}{number}", seed=number, seconds=seconds)
        started[task.who] = server.start(task)
    try:
        for who, pid in started.items():
            assert server.wait(pid, seconds + 60) == 0, (who, scene.read_log())
    finally:
        server.end(started.values())
    scene.read_log()
    took = time.monotonic() - began
    with ctxstore.repo.open.open(scene.place) as repo:
        repo.gc()
        assert repo.check(read_data=True).problems == ()
    assert scene.ledger.verify(scene.place).litter == set()
    print(f"{processes} processes, {took:.1f} s: {_figures(scene)}")
    for who in started:
        assert _is_busy(scene, who), f"{who} did next to nothing"


def _figures(scene: Scene) -> dict[str, int]:
    found = Counter(key for said in scene.said for key in ("id", "collected", "looked", "forgetting") if key in said)
    return dict(found + Counter(said["again"] for said in scene.said if "again" in said))


def _is_busy(scene: Scene, who: str) -> bool:
    """Whether a process had more than one acknowledgement of its job. A process that only changes files has none."""
    done = sum(1 for said in scene.said if said["who"] == who and {"id", "collected", "looked"} & said.keys())
    return done > 1 or who.startswith("change")
