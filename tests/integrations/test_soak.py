"""Five minutes of an agent's life at once: sessions that grow, are renamed, removed and rewritten, beside all savers.

`ctx watch` runs, hooks are called, and one hook's process after another is stopped while it saves. Every session that
is about to be compacted must be saved when its hook returns.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ctxstore
from tests.integrations.agent_home import CTX, AgentHome, eventually

SECONDS = float(os.environ.get("CTX_SOAK_SECONDS", "300"))
LONGEST_WAIT = 9.0
"""Seconds that a PreCompact hook may take on a busy machine. At 10 s the hook gives up, unsaved."""


def session_id(number: int) -> str:
    return f"{number:08x}-aaaa-4bbb-8ccc-000000000000"


GROWING = [session_id(number) for number in range(3)]
QUIET = [session_id(number) for number in range(10, 22)]


class Life:
    """An agent's sessions, changed by threads until `end`."""

    def __init__(self, agents: AgentHome) -> None:
        self.agents = agents
        self.end = threading.Event()
        self.failures: list[BaseException] = []
        self._random = random.Random(7)
        for session in GROWING:
            agents.says(session, os.urandom(4_000_000).hex())
        for session in QUIET:
            agents.says(session, "one")

    @contextmanager
    def lived(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._repeat, args=(step,)) for step in (self._grow, self._disturb)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.end.set()
            for thread in threads:
                thread.join()

    def _repeat(self, step):  # type: ignore[no-untyped-def]
        try:
            while not self.end.wait(0.05):
                step()
        except BaseException as error:
            self.failures.append(error)

    def _grow(self) -> None:
        for session in GROWING:
            self.agents.says(session, os.urandom(4_000).hex())

    def _disturb(self) -> None:
        """Renames, removes, rewrites or truncates files that nobody expects anything of."""
        folder = self.agents.claude / "projects/-work-other"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{session_id(100 + self._random.randrange(6))}.jsonl"
        step = self._random.randrange(5)
        if step == 0 and path.exists():
            path.rename(folder / f"{session_id(200 + self._random.randrange(6))}.jsonl")
        elif step == 1 and path.exists():
            path.unlink()
        elif step == 2 and path.exists():
            os.truncate(path, path.stat().st_size // 2)
        else:
            with path.open("ab" if step == 3 else "wb") as file:
                file.write(b'{"type":"user","message":{"role":"user","content":"x"}}\n' * self._random.randrange(99))


def stop_a_saver(agents: AgentHome) -> int | None:
    """Stops a process that has a lock on a request, unless it is swapping the root or deleting packs just then."""
    for process in Path("/proc").iterdir():
        try:
            if not process.name.isdigit() or not has_open(process, agents.state / "hooks" / "claims"):
                continue
            os.kill(int(process.name), signal.SIGSTOP)
            if not any(is_locked_alone(fd) for fd in (process / "fd").iterdir()):
                return int(process.name)
            os.kill(int(process.name), signal.SIGCONT)
        except OSError:
            continue
    return None


def has_open(process: Path, path: Path) -> bool:
    return any(os.readlink(fd) == str(path) for fd in (process / "fd").iterdir())


def is_locked_alone(fd: Path) -> bool:
    """Whether a descriptor has an exclusive lock on one of the repository's lock files."""
    info = (fd.parent.parent / "fdinfo" / fd.name).read_text()
    return os.readlink(fd).endswith(("root.lock", "writers.lock")) and "FLOCK  ADVISORY  WRITE" in info


@pytest.mark.slow
def test_no_session_waits_for_another(agents: AgentHome) -> None:
    life = Life(agents)
    chosen = random.Random(3)
    said = dict.fromkeys(QUIET, 1)
    waits = []
    command = [CTX, "watch", "-q", "--debounce", "0.5", "--max-delay", "2"]
    with (agents.path / "error").open("w") as error:
        watch = subprocess.Popen(command, env=agents.environ, cwd=agents.path, stderr=error)
    try:
        with life.lived():
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                agents.hook(chosen.choice(GROWING), chosen.choice(["Stop", "SessionStart"]))
                time.sleep(chosen.uniform(0.4, 1.2))
                stopped = stop_a_saver(agents) if chosen.random() < 0.5 else None
                session = chosen.choice(QUIET)
                said[session] += 1
                agents.says(session, f"turn {said[session]}")
                before = time.monotonic()
                agents.hook(session, "PreCompact")
                waits.append(time.monotonic() - before)
                assert agents.saved(session)[-1] == f"turn {said[session]}"
                if stopped is not None:
                    os.kill(stopped, signal.SIGCONT)
                assert life.failures == [] and watch.poll() is None
        assert max(waits) < LONGEST_WAIT
        eventually(lambda: agents.queued() == [] and all_are_saved(agents))
    finally:
        watch.terminate()
        assert watch.wait(60) == 0
    assert (agents.path / "error").read_text() == ""
    with ctxstore.open(agents.repo) as repo:
        assert repo.check(read_data=True).problems == ()


def all_are_saved(agents: AgentHome) -> bool:
    """Whether the newest commit of every session has the bytes of its file."""
    with ctxstore.open(agents.repo) as repo:
        for path in agents.claude.glob("projects/*/*.jsonl"):
            ref = f"claude-code/{path.parent.name}/{path.stem}"
            key = f"projects/{path.parent.name}/{path.name}"
            if repo.find_ref(ref) is None or repo.view(ref).read(key) != path.read_bytes():
                return False
    return True
