"""Processes that work on a repository until they are done, out of time, or killed.

A process appends each acknowledgement to a log before it continues.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import ctxstore
from ctxstore.errors import AlreadyExists, NotFound, RefMoved
from ctxstore.history.engine import Environment, real_environment
from ctxstore.history.transaction import MustRestart
from ctxstore.ops.retention.policy import Policy
from ctxstore.ops.snapshot.targets import Target
from ctxstore.repo.open import open as open_repo
from ctxstore.sources.directory import Directory
from ctxstore.storage import files
from tests.faults.acknowledged import commit_next, content_of, parse_note, work_file
from tests.faults.broken_files import Calls

SHARED = "chat/shared"
"""The ref that all processes write to."""
DAY = 24 * 3600 * 10**9


class Task(NamedTuple):
    """The task of one process.

    If `at` is not 0, the process sends itself `signal` before its `at`-th call to the operating system. `clock` is
    added to the time, in ns.
    """

    job: str
    place: str
    log: str
    who: str
    seed: int = 0
    seconds: float = 60
    signal: int = 0
    at: int = 0
    clock: int = 0


class Process:
    """A running task: the repository, and the log of acknowledgements."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.who = task.who
        self.random = random.Random(task.seed)
        self._log = os.open(task.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._end = time.monotonic() + task.seconds
        self.repo = self.open()

    def open(self, clock: int = 0) -> ctxstore.Repo:
        real, offset = real_environment(), self.task.clock + clock
        return open_repo(self.task.place, environment=Environment(lambda: real.clock() + offset, *real[1:]))

    def say(self, **fields: Any) -> None:
        os.write(self._log, json.dumps({"who": self.who, **fields}).encode() + b"\n")

    def pause(self, longest: float) -> None:
        time.sleep(self.random.uniform(0, longest))

    @property
    def is_late(self) -> bool:
        return time.monotonic() > self._end

    @property
    def work(self) -> Path:
        return Path(self.task.place).parent / "work"

    # -- what it does

    def _writer(self, ref: str) -> str:
        """Names the sequence that a commit is part of: the ref's, if all its writers log to one file, else the
        process's own."""
        return self.who if ref == SHARED or ref.startswith("directory/") else ""

    def commit(self, ref: str) -> None:
        while True:
            try:
                made = commit_next(self.repo, ref, self.who)
            except (RefMoved, MustRestart) as error:
                self.say(again=type(error).__name__)
                continue
            self.say(ref=ref, id=made.id.hex(), note=made.commit.note, writer=self._writer(ref))
            return

    def fork(self, old: str, new: str) -> None:
        try:
            made = self.repo.fork(old, new)
        except (NotFound, AlreadyExists, MustRestart):
            return
        self.say(ref=new, id=made.id.hex(), note=made.commit.note)

    def remove(self, ref: str) -> None:
        head = self.repo.find_ref(ref)
        if head is not None:
            self.say(removing=ref)
            self.repo.set_ref(ref, None, expected=head)

    def change(self) -> None:
        """Writes, replaces or removes a file of the saved folder."""
        name = f"file{self.random.randrange(6)}"
        if self.random.random() < 0.2:
            (self.work / name).unlink(missing_ok=True)
            return
        pending = self.work.parent / f"{self.who}.new"
        pending.write_bytes(work_file(name, self.random.randrange(1 << 30)))
        pending.rename(self.work / name)

    def snapshot(self, *, alone: bool) -> None:
        """Saves the folder, and reports its content if no other process changes it."""
        versions = {path.name: _version(path) for path in self.work.iterdir()} if alone else None
        target = Target(Directory(), Directory().home_at(str(self.work), {}))
        try:
            report = self.repo.snapshot([target])
        except (RefMoved, MustRestart) as error:
            self.say(again=type(error).__name__)
            return
        for ref, id in report.commits:
            self.say(ref=ref, id=id.hex(), files=versions, writer="" if alone else self.who)

    def forget(self, ref: str) -> None:
        """Forgets all but the newest three commits of a ref."""
        self.say(forgetting=ref)
        try:
            self.repo.forget(Policy(last=3), ref)
        except MustRestart:  # others wrote all the time
            self.say(again="forget")

    def read(self) -> None:
        """Asserts that each head which is not forgotten has the content of its note."""
        for ref, head in self.repo.refs("chat/"):
            content, view = content_of(parse_note(head.commit.note)), self.repo.view(head.id.hex())
            assert list(view.messages) == content.messages, ref
            assert dict(view.memories) == content.memories, ref
            assert {path: view.read(path) for path in content.files} == content.files, ref

    def collect(self, *, recompress: bool = False) -> None:
        try:
            result = self.repo.gc(recompress=recompress)
        except MustRestart:
            self.say(again="collect")
            return
        self.say(collected=result.freed_now, later=result.freed_later, reason=result.reason)

    def anything(self) -> None:
        """Takes one random step."""
        number = self.random.randrange(4)
        steps: list[tuple[int, Callable[[], None]]] = [
            (60, lambda: self.commit(f"chat/{number}")),
            (8, lambda: self.commit(SHARED)),
            (10, lambda: (self.change(), self.snapshot(alone=True))[0]),
            (5, lambda: self.fork(f"chat/{number}", f"fork/{number}")),
            (5, lambda: self.commit(f"fork/{number}") if self.repo.find_ref(f"fork/{number}") else None),
            (3, lambda: self.remove(f"fork/{number}")),
            (5, self.collect),
            (2, lambda: self.collect(recompress=True)),
        ]
        self.random.choices([step for _, step in steps], [weight for weight, _ in steps])[0]()


def _version(path: Path) -> int:
    return int(path.read_bytes().split(b"\n", 1)[0].split(b" ")[1])


def live(process: Process) -> None:
    """Uses every command, in random order."""
    while not process.is_late:
        process.anything()


def write(process: Process) -> None:
    """Commits to refs of its own and a shared one, forks, removes, forgets, tags."""
    own, fork, old = (f"{kind}/{process.who}" for kind in ("chat", "fork", "old"))
    steps = [
        *[lambda: process.commit(own)] * 4,
        *[lambda: process.commit(SHARED)] * 2,
        *[lambda: process.commit(old)] * 3,
        lambda: process.forget(old) if process.repo.find_ref(old) else None,
        lambda: (process.remove(fork), process.fork(own, fork)),
        lambda: process.commit(fork) if process.repo.find_ref(fork) else None,
        lambda: process.repo.tag(process.who, own, force=True) if process.repo.find_ref(own) else None,
    ]
    while not process.is_late:
        process.random.choice(steps)()
        process.pause(0.01)


def change(process: Process) -> None:
    """Changes the saved folder repeatedly."""
    while not process.is_late:
        process.change()
        process.pause(0.01)


def save(process: Process) -> None:
    """Saves the folder that changes."""
    while not process.is_late:
        process.snapshot(alone=False)
        process.pause(0.05)


def clean(process: Process) -> None:
    """Collects repeatedly."""
    while not process.is_late:
        process.collect(recompress=process.random.random() < 0.3)
        process.pause(0.1)


def look(process: Process) -> None:
    """Reads and checks repeatedly."""
    while not process.is_late:
        process.read()
        problems = process.repo.check(read_data=process.random.random() < 0.5).problems
        assert problems == (), problems
        process.say(looked=True)
        process.pause(0.05)


def commit_once(process: Process) -> None:
    process.commit("chat/0")


def commit_often(process: Process) -> None:
    for number in range(9):
        process.commit(f"chat/{number % 2}")


def snapshot_once(process: Process) -> None:
    process.change()
    process.snapshot(alone=True)


def collect_once(process: Process) -> None:
    process.collect()


def recompress_once(process: Process) -> None:
    process.collect(recompress=True)


def pass_days(process: Process) -> None:
    """Commits and collects twice, while the clock jumps by days: the epoch advances each time."""
    for day in (1, 2):
        process.repo.close()
        process.repo = process.open(day * DAY)
        process.commit("chat/other")
        process.collect()


JOBS = {
    job.__name__: job
    for job in (
        *(live, write, change, save, clean, look),
        *(commit_once, commit_often, snapshot_once, collect_once, recompress_once, pass_days),
    )
}


def run(task: Task) -> None:
    """Runs a task from start to end."""
    process = Process(task)
    if task.at:

        def strike(name: str, number: int) -> None:
            if number == task.at:
                os.kill(os.getpid(), task.signal)

        calls = Calls(before=strike)
        files.os, files.fcntl = calls.os, calls.fcntl  # type: ignore[attr-defined]
    process.say(started=os.getpid())
    JOBS[task.job](process)
    process.say(done=True)


def iter_log(path: str, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields each report from `start` on, with the position of its end. A truncated line is no report."""
    with open(path, "rb") as log:
        log.seek(start)
        for line in log:
            if line.endswith(b"\n"):
                start += len(line)
                yield start, json.loads(line)
