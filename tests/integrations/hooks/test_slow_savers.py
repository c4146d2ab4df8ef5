"""A saver that is slow, stopped or at an endless file. Hooks of other sessions save theirs all the same."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ctxstore
from tests.integrations.agent_home import AgentHome, eventually

ONE, TWO = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002"


@contextmanager
def stopped_saver(agents: AgentHome, session: str) -> Iterator[int]:
    """Stops a hook's process (SIGSTOP) while it saves a session. Yields its id, and continues it."""
    with (agents.repo / "root.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        agents.hook(session, "Stop")
        eventually(lambda: any(name.endswith(".taken") for name in agents.queued()))
        time.sleep(0.3)  # now it has written its packs, and waits for the lock of the root
        process = saver(agents)
        os.kill(process, signal.SIGSTOP)
        eventually(lambda: "State:\tT" in Path(f"/proc/{process}/status").read_text())
    try:
        yield process
    finally:
        os.kill(process, signal.SIGCONT)


def saver(agents: AgentHome) -> int:
    """Finds the process that has a lock on a request."""
    claims = agents.state / "hooks" / "claims"
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if any(os.path.samefile(fd, claims) for fd in (process / "fd").iterdir()):
                    return int(process.name)
            except OSError:
                pass
    raise AssertionError


@pytest.fixture
def two_sessions(agents: AgentHome) -> AgentHome:
    """A home with two sessions that are saved, with one more message in each."""
    for session in (ONE, TWO):
        agents.says(session, "one")
        agents.hook(session, "PreCompact")
        agents.says(session, "two")
    return agents


@pytest.mark.parametrize("event", ["PreCompact", "SessionEnd"])
def test_a_hook_that_waits_does_not_wait_for_a_stopped_saver(two_sessions: AgentHome, event: str) -> None:
    with stopped_saver(two_sessions, ONE):
        started = time.monotonic()
        two_sessions.hook(TWO, event)
        assert two_sessions.saved(TWO) == ["one", "two"]
        assert time.monotonic() - started < 5
        assert two_sessions.saved(ONE) == ["one"]
    eventually(lambda: two_sessions.saved(ONE) == ["one", "two"] and two_sessions.queued() == [])


def test_the_end_of_a_turn_is_saved_beside_a_stopped_saver(two_sessions: AgentHome) -> None:
    with stopped_saver(two_sessions, ONE):
        two_sessions.hook(TWO, "Stop")
        eventually(lambda: two_sessions.saved(TWO) == ["one", "two"])
    eventually(lambda: two_sessions.queued() == [])


@pytest.mark.slow
def test_a_stopped_saver_of_the_same_session_is_not_waited_for_in_vain(two_sessions: AgentHome) -> None:
    with stopped_saver(two_sessions, ONE):
        two_sessions.says(ONE, "three")
        two_sessions.hook(ONE, "PreCompact")
        assert two_sessions.saved(ONE) == ["one", "two", "three"]
    eventually(lambda: two_sessions.queued() == [])
    assert two_sessions.saved(ONE) == ["one", "two", "three"]


def test_a_saver_at_a_growing_file_holds_nobody_up(agents: AgentHome) -> None:
    big = agents.says(ONE, "x" * (12 << 20))
    agents.says(TWO, "one")
    done = threading.Event()

    def grow() -> None:
        while not done.wait(0.02):
            agents.says(ONE, os.urandom(5_000).hex())

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        size = big.stat().st_size
        agents.hook(ONE, "Stop")
        time.sleep(0.7)
        agents.hook(TWO, "PreCompact")
        assert agents.saved(TWO) == ["one"]

        def is_saved() -> bool:
            if f"claude-code/-work-engine/{ONE}" not in agents.contexts():
                return False
            with ctxstore.open(agents.repo) as repo:
                return repo.resolve(ONE).commit.summary.bytes >= size

        eventually(is_saved)
    finally:
        done.set()
        writer.join()
    eventually(lambda: agents.queued() == [])


def test_gemini_calls_pre_compress_at_each_call_of_the_model_and_does_not_wait(agents: AgentHome) -> None:
    chat = agents.path / ".gemini/tmp/engine/chats/session-2026-01-01T10-00-6f1c2a34.jsonl"
    chat.parent.mkdir(parents=True)
    session = "6f1c2a34-0000-4000-8000-00000000000a"
    chat.write_text(json.dumps({"sessionId": session, "kind": "main"}) + "\n")
    with chat.open("a") as file:
        file.write(json.dumps({"id": "u1", "type": "user", "content": [{"text": "Oil the wheels"}]}) + "\n")
    payload = json.dumps({"session_id": session, "transcript_path": str(chat), "trigger": "auto"}).encode()
    ctxstore.init(agents.repo).close()
    with (agents.repo / "root.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = time.monotonic()
        assert agents.run("hook", "gemini", "PreCompress", input=payload).returncode == 0
        assert time.monotonic() - started < 5
    eventually(lambda: agents.saved("6f1c2a34") == ["Oil the wheels"])
    with ctxstore.open(agents.repo) as repo:
        assert repo.resolve("6f1c2a34").commit.note == ""
