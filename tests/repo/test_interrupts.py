"""A signal handler that raises at any moment: no descriptor, no lock and no presence of a writer is left behind."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import ctxstore
from tests.marks import slow_except

TIMES = 300


class Interrupt(BaseException):
    """An exception such as `KeyboardInterrupt`, which no handler expects."""


def handler(*_: object) -> None:
    raise Interrupt


@pytest.fixture
def interrupted() -> Iterator[Callable[[Callable[[], object], float], bool]]:
    """A function that runs another one and interrupts it after some seconds. Returns whether it was interrupted."""
    before = signal.signal(signal.SIGALRM, handler)

    def run(function: Callable[[], object], seconds: float) -> bool:
        try:
            try:
                signal.setitimer(signal.ITIMER_REAL, seconds)
                function()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except Interrupt:
            return True
        return False

    yield run
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def open_files() -> list[str]:
    found = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:
            pass
    return sorted(found)


# Some C code, such as that of cbor2, ignores an exception from a signal handler.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="needs a list of open files")
@pytest.mark.parametrize(
    "work", slow_except("commit", "read", of=["commit", "large commit", "collect", "search", "read"])
)
def test_interrupts_leave_nothing_behind(
    interrupted: Callable[[Callable[[], object], float], bool], tmp_path: Path, work: str
) -> None:
    chance = random.Random(work)
    with ctxstore.init(tmp_path / "repository") as repo:

        def commit(size: int = 10) -> None:
            with repo.edit("chat") as draft:
                draft.messages.append({"role": "user", "content": chance.randbytes(size).hex()})
                draft.commit()

        def read() -> None:
            with ctxstore.open(repo.path) as other:
                list(other.view("chat").messages)
                other.check()

        actions: dict[str, Callable[[], object]] = {
            "commit": commit,
            "large commit": lambda: commit(6 << 20),
            "collect": lambda: (commit(), repo.gc(recompress=True)),
            "search": lambda: repo.search("x"),
            "read": read,
        }
        action = actions[work]
        commit()
        action()
        with ctxstore.open(repo.path) as other:
            seconds = _duration(action)
            known = set(open_files())
            hits = 0
            for _ in range(TIMES if work == "commit" else TIMES // 5):
                hits += interrupted(action, chance.uniform(1e-6, seconds * 1.2))
            assert hits
            left = [path for path in open_files() if path not in known]
            assert not [path for path in left if "/repository/" in path], left
            assert not [thread for thread in threading.enumerate() if thread.name.startswith("ctxstore")]
            commit()
            assert other.gc().freed_later == 0  # nobody else is present
            assert other.check(read_data=True).problems == ()
            assert len(list(other.log("chat"))) >= 2
        assert not list((tmp_path / "repository").glob("root.new"))


def _duration(action: Callable[[], object]) -> float:
    import time

    began = time.perf_counter()
    action()
    return time.perf_counter() - began
