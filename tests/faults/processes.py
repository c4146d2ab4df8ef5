"""Workers that a test starts, stops and waits for, and the acknowledgements they report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.faults.acknowledged import Content, Ledger, content_of, parse_note, work_file
from tests.faults.worker import Task, iter_log

ROOT = Path(__file__).parents[2]


class Server:
    """A process that forks workers."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.faults.fork_server"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def _ask(self, **request: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        return json.loads(self._process.stdout.readline())

    def start(self, task: Task) -> int:
        """Starts a process for a task."""
        return int(self._ask(start=task._asdict()))

    def wait(self, pid: int, seconds: float = 60) -> int | None:
        """Returns the status of a process that ended or stopped (see `os.waitpid`), or None after `seconds`."""
        status = self._ask(wait=pid, seconds=seconds)
        return None if status is None else int(status)

    def end(self, pids: Iterable[int]) -> None:
        """Kills processes that have not ended and were not waited for."""
        self._ask(end=list(pids))

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class Scene:
    """A repository, the folder that is saved to it, and the log of the processes that work on it."""

    def __init__(self, folder: Path) -> None:
        self.place = str(folder / "repository")
        self.log = str(folder / "log")
        (folder / "work").mkdir()
        Path(self.log).touch()
        self.ledger = Ledger()
        self.said: list[dict[str, Any]] = []
        self._read = 0

    def task(self, job: str, who: str, **options: Any) -> Task:
        return Task(job, self.place, self.log, who, **options)

    def wait_for_start(self, who: str) -> None:
        """Waits until a process reports its start."""
        end = time.monotonic() + 30
        while not any("started" in said and said["who"] == who for said in self.read_log()):
            assert time.monotonic() < end, "it does not start"
            time.sleep(0.0002)

    def read_log(self) -> list[dict[str, Any]]:
        """Reads all reports and adds the acknowledged commits to the ledger.

        A process that failed fails the test.
        """
        new = list(iter_log(self.log, self._read))
        for end, said in new:
            self._read = end
            self.said.append(said)
            assert "error" not in said, said["error"]
            if "removing" in said:
                self.ledger.drop(said["removing"])
            elif "forgetting" in said:
                self.ledger.allow_forgetting(said["forgetting"])
            elif "ref" in said:
                self.ledger.add(said["ref"], bytes.fromhex(said["id"]), _content(said), said.get("writer", ""))
        return self.said


def _content(said: dict[str, Any]) -> Content | None:
    if "note" in said:
        return content_of(parse_note(said["note"]))
    if said["files"] is None:
        return None
    return Content([], {}, {name: work_file(name, version) for name, version in said["files"].items()})


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has already ended
        pass
