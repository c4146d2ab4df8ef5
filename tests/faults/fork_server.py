"""A server that forks a process for each task.

``python -m tests.faults.fork_server`` has everything imported, so that a test can start hundreds of processes.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from typing import Any

from tests.faults.acknowledged import commit_next
from tests.faults.worker import Task, run


def serve() -> None:
    """Answers each line of JSON with one: `start` a task, `wait` until a process ends or stops, or `end` processes."""
    _import_all()
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "start" in request:
            answer: Any = _fork(Task(**request["start"]))
            children.add(answer)
        elif "end" in request:
            answer = _end(children.intersection(request["end"]))
        else:
            answer = _wait(request["wait"], request["seconds"])
            if answer is not None and not os.WIFSTOPPED(answer):
                children.discard(request["wait"])
        print(json.dumps(answer), flush=True)
    _end(children)


def _end(pids: set[int]) -> None:
    """Kills processes that were not waited for, so that their numbers are still theirs."""
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def _import_all() -> None:
    from ctxstore.repo.init import init

    with init("memory:") as repo:
        commit_next(repo, "a/b", "-")
        repo.check()
        repo.gc(recompress=True)


def _fork(task: Task) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.close(0)
        run(task)
        os._exit(0)
    except BaseException:
        with open(task.log, "a") as log:
            log.write(json.dumps({"who": task.who, "error": traceback.format_exc()}) + "\n")
        os._exit(1)


def _wait(pid: int, seconds: float) -> int | None:
    """Returns the status of a process that ended or stopped, or None if it did neither in time."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if found:
            return status
        if time.monotonic() > end:
            return None
        time.sleep(0.0005)


if __name__ == "__main__":
    serve()
