"""Forked children of a process with an open repository: they neither hang nor keep the parent's locks."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import StorageError
from ctxstore.history.transaction import Move, transaction
from ctxstore.packs import index as index_module

SECONDS = 30
"""The time after which a child counts as hanging."""


def fork(function: Callable[[], object]) -> int:
    """Runs a function in a forked child. Returns the child's id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads
        child = os.fork()
    if child:
        return child
    signal.alarm(SECONDS)
    try:
        function()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def ended_well(child: int) -> bool:
    return os.waitpid(child, 0)[1] == 0


def append(repo: ctxstore.Repo, ref: str, text: object = "x") -> None:
    with repo.edit(ref) as draft:
        draft.messages.append({"role": "user", "content": str(text)})
        draft.commit()


def texts(repo: ctxstore.Repo, ref: str) -> list[str]:
    return [message["content"] for message in repo.view(ref).messages]


@contextmanager
def committing(repo: ctxstore.Repo, number: int = 2) -> Iterator[None]:
    """Lets threads commit during the block."""
    stop = threading.Event()

    def work(ref: str) -> None:
        while not stop.is_set():
            append(repo, ref)

    threads = [threading.Thread(target=work, args=(f"thread/{i}",)) for i in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture(params=["footers in memory", "footers in a database"])
def repo(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ctxstore.Repo]:
    if request.param == "footers in a database":
        monkeypatch.setattr(index_module, "IN_MEMORY", 3)
    with ctxstore.init(tmp_path / "repository") as made:
        append(made, "begin")
        yield made


def test_children_commit_while_threads_of_the_parent_do(repo: ctxstore.Repo) -> None:
    with committing(repo):
        for number in range(12):
            time.sleep(0.011)
            assert ended_well(fork(lambda number=number: append(repo, f"child/{number}", number)))  # type: ignore[misc]
    for number in range(12):
        assert texts(repo, f"child/{number}") == [str(number)]
    assert repo.check(read_data=True).problems == ()
    assert repo.gc().freed_later == 0


def test_preloading_servers_share_a_repository(repo: ctxstore.Repo) -> None:
    """A server opens and uses the repository, then forks workers, which use it in threads."""
    list(repo.refs())

    def serve(worker: int) -> None:
        def handle(request: int) -> None:
            append(repo, f"worker/{worker}/{request}")

        threads = [threading.Thread(target=handle, args=(request,)) for request in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert texts(repo, "begin")[0] == "x"
        repo.close()

    children = [fork(lambda worker=worker: serve(worker)) for worker in range(3)]  # type: ignore[misc]
    append(repo, "begin", "y")
    results = [ended_well(child) for child in children]
    assert all(results)
    assert len(list(repo.refs("worker/*"))) == 12
    assert texts(repo, "begin") == ["x", "y"]


KILLED = """
import os, sys, threading, time
import ctxstore

repo = ctxstore.init(sys.argv[1])

def work(ref):
    while True:
        with repo.edit(ref) as draft:
            draft.messages.append({"role": "user", "content": "x"})
            draft.commit()

for ref in ("a", "b"):
    threading.Thread(target=work, args=(ref,), daemon=True).start()
time.sleep(float(sys.argv[2]))
child = os.fork()
if not child:
    time.sleep(60)
    os._exit(0)
print(child, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("number", range(6))
def test_the_locks_of_a_killed_parent_die_with_it(tmp_path: Path, number: int) -> None:
    place = tmp_path / "repository"
    run = [sys.executable, "-W", "ignore", "-c", KILLED, str(place), str(0.15 + number * 0.0037)]
    program = subprocess.Popen(run, stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    child = int(program.stdout.readline())
    program.wait()
    program.stdout.close()
    try:
        with ctxstore.open(place) as repo:
            other = fork(lambda: append(repo, "other"))
            assert ended_well(other)
            assert repo.gc().freed_later == 0  # nobody else is present
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_child_cannot_continue_a_transaction_and_the_parent_can(repo: ctxstore.Repo, tmp_path: Path) -> None:
    big = os.urandom(9 << 20)

    def blocks() -> Iterator[bytes]:
        yield big
        child = fork(lambda: None)
        assert ended_well(child)
        yield b"the end"

    with repo.edit("files") as draft:
        draft.files.put("big", blocks())
        draft.commit()
    assert repo.view("files").read("big") == big + b"the end"
    head = repo.find_ref("begin")
    with transaction(repo._engine) as tx:
        moves = [Move("copy", None, head)]

        def publish() -> None:
            with pytest.raises(StorageError, match="forked"):
                tx.publish(moves, "fork")

        assert ended_well(fork(publish))
        tx.publish(moves, "fork")
    assert repo.find_ref("copy") == head


def test_a_child_that_leaves_the_transaction_deletes_nothing_of_the_parents(repo: ctxstore.Repo) -> None:
    big = os.urandom(20 << 20)
    children: list[int] = []

    def blocks() -> Iterator[bytes]:
        yield big
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            signal.alarm(SECONDS)
            raise KeyboardInterrupt  # unwinds the child's copy of the transaction
        children.append(child)
        assert ended_well(child)
        yield b"the end"

    parent = os.getpid()
    try:
        with repo.edit("files") as draft:
            draft.files.put("big", blocks())
            draft.commit()
    except BaseException:
        if os.getpid() != parent:
            os._exit(0)
        raise
    assert children
    assert repo.view("files").read("big") == big + b"the end"
    assert repo.check(read_data=True).problems == ()


def save(place: str, number: int) -> str:
    with ctxstore.open(place) as repo:
        append(repo, f"pool/{number}")
        return repo.resolve(f"pool/{number}").id.hex()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_process_pools(repo: ctxstore.Repo, method: str) -> None:
    with committing(repo, 1), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
            ids = list(pool.map(save, [repo.path] * 6, range(6)))
    assert ids == [repo.resolve(f"pool/{number}").id.hex() for number in range(6)]


def test_a_cancelled_task_leaves_nothing_behind(repo: ctxstore.Repo) -> None:
    async def main() -> None:
        for number in range(10):
            task = asyncio.create_task(asyncio.to_thread(append, repo, f"task/{number}"))
            await asyncio.sleep(0.001 * number)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    before = len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0
    asyncio.run(main())
    if before:
        assert len(os.listdir("/proc/self/fd")) <= before
    assert repo.gc().freed_later == 0
    assert repo.check(read_data=True).problems == ()
