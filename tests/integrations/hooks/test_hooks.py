"""Hooks. They save the session they are called for, and never block the agent."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ctxstore
from ctxstore.integrations.settings.edits import hook_command, notify_command, notify_words
from tests.integrations.agent_home import CTX, AgentHome, eventually

ONE, TWO = "11111111-aaaa-4bbb-8ccc-000000000001", "22222222-aaaa-4bbb-8ccc-000000000002"


def test_a_turn_that_ended_is_saved(agents: AgentHome) -> None:
    agents.says(ONE, "first")
    agents.hook(ONE, "Stop")
    eventually(lambda: agents.saved(ONE) == ["first"])
    agents.says(ONE, "second")
    agents.hook(ONE, "Stop")
    eventually(lambda: agents.saved(ONE) == ["first", "second"])
    eventually(lambda: agents.queued() == [])


def test_a_turn_saves_its_own_session_only_and_a_start_all_there_is(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.says(TWO, "two")
    agents.hook(ONE, "Stop")
    eventually(lambda: agents.contexts() == {f"claude-code/-work-engine/{ONE}"})
    (agents.claude / "CLAUDE.md").write_text("be kind")
    agents.hook(TWO, "SessionStart")
    names = {f"claude-code/-work-engine/{ONE}", f"claude-code/-work-engine/{TWO}", "claude-code/home"}
    eventually(lambda: agents.contexts() == names)


def test_what_is_compacted_or_ends_is_saved_when_the_hook_returns(agents: AgentHome) -> None:
    agents.says(ONE, "before")
    agents.hook(ONE, "PreCompact")
    assert agents.saved(ONE) == ["before"]
    with ctxstore.open(agents.repo) as repo:
        assert repo.resolve(ONE).commit.note == "before it was compacted"
    memory = agents.claude / "projects/-work-engine/memory/notes.md"
    memory.parent.mkdir()
    memory.write_text("remember")
    agents.says(ONE, "end")
    agents.hook(ONE, "SessionEnd")
    assert agents.saved(ONE) == ["before", "end"]
    eventually(lambda: "claude-code/-work-engine/memory" in agents.contexts())


def test_the_state_before_a_compaction_is_noted_also_if_the_turn_saved_it(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "Stop")
    eventually(lambda: agents.saved(ONE) == ["one"])
    agents.hook(ONE, "PreCompact")
    with ctxstore.open(agents.repo) as repo:
        assert [stored.commit.note for stored in repo.log(ONE)] == ["before it was compacted", ""]


def test_an_answer_that_is_written_after_the_hook_was_called_is_saved_with_its_turn(agents: AgentHome) -> None:
    agents.says(ONE, "question")
    agents.hook(ONE, "Stop")
    agents.says(ONE, "answer")
    eventually(lambda: agents.contexts() == {f"claude-code/-work-engine/{ONE}"})
    assert agents.saved(ONE) == ["question", "answer"]


def test_who_waits_waits_for_what_another_is_at(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact")
    agents.says(ONE, "two")
    with (agents.repo / "root.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        agents.hook(ONE, "Stop")
        eventually(lambda: any(name.endswith(".taken") for name in agents.queued()))
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(agents.hook, ONE, "PreCompact")
            time.sleep(1)
            assert not waiting.done()
            fcntl.flock(lock, fcntl.LOCK_UN)
            waiting.result()
    assert agents.saved(ONE) == ["one", "two"]


def test_nothing_of_the_agent_is_held_open(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact")
    with (agents.repo / "root.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        reading, writing = os.pipe()
        agents.says(ONE, "two")
        subprocess.run(
            [CTX, "hook", "claude-code", "Stop"],
            input=agents.payload(ONE, "Stop"),
            env=agents.environ,
            pass_fds=[writing],
            check=True,
        )
        os.close(writing)
        assert os.read(reading, 1) == b""
        os.close(reading)


def test_what_could_not_be_saved_is_told_and_saved_by_the_next_hook(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact")
    root = agents.repo / "root"
    whole = root.read_bytes()
    root.write_bytes(b"garbage, sk-ant-secret")
    agents.says(ONE, "a password: hunter2")
    agents.hook(ONE, "PreCompact")
    agents.hook(TWO, "Stop")
    eventually(lambda: "failure" in agents.queued() and json.loads(failure(agents))["times"] >= 2)
    told = agents.run("install", "--json")
    assert json.loads(told.stdout)["failure"]["agent"] == "claude-code"
    assert b"warning: claude-code hooks failed" in agents.run("install").stderr
    kept = b"".join(path.read_bytes() for path in agents.state.rglob("*") if path.is_file())
    assert b"hunter2" not in kept and b"sk-ant" not in kept
    assert not [path for path in agents.state.rglob("*") if path.stat().st_mode & 0o077]
    root.write_bytes(whole)
    agents.hook(TWO, "PreCompact")
    eventually(lambda: agents.saved(ONE) == ["one", "a password: hunter2"])
    eventually(lambda: agents.queued() == [])


def test_later_commands_tell_of_it(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact", "--repo", str(agents.path / "nowhere"))
    for command in ("snapshot", "sources", "install"):
        done = agents.run(command)
        assert done.returncode == 0 and b"warning: claude-code hooks failed" in done.stderr
    agents.hook(ONE, "PreCompact")
    assert b"warning" in agents.run("sources").stderr  # the session is still unsaved in that repository
    assert agents.run("init", "--repo", str(agents.path / "nowhere")).returncode == 0
    agents.hook(ONE, "PreCompact")
    assert agents.run("sources").stderr == b""
    assert agents.saved(ONE, agents.path / "nowhere") == ["one"]


def test_what_could_not_be_saved_for_a_week_is_given_up(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact", "--repo", str(agents.path / "nowhere"))
    eventually(lambda: any(name.endswith(".json") for name in agents.queued()))
    for path in (agents.state / "hooks").glob("*.json"):
        os.utime(path, (time.time() - 8 * 24 * 3600,) * 2)
    agents.hook(ONE, "PreCompact")
    eventually(lambda: agents.queued() == [])


def test_what_is_no_file_in_the_queue_holds_nothing_up(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    queue = agents.state / "hooks"
    queue.mkdir(parents=True, exist_ok=True)
    os.mkfifo(queue / "pipe.json")
    agents.hook(ONE, "PreCompact")
    eventually(lambda: agents.saved(ONE) == ["one"] and agents.queued() == [])


def failure(agents: AgentHome) -> str:
    return (agents.state / "hooks" / "failure").read_text()


def test_who_works_while_the_repository_is_locked_keeps_nobody_waiting(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact")
    with (agents.repo / "root.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        started = time.monotonic()
        for number in range(10):
            agents.says(ONE, f"turn {number}")
            agents.hook(ONE, "Stop")
        agents.hook(ONE, "SessionEnd")
        assert time.monotonic() - started < 10
        assert agents.saved(ONE) == ["one"]
        assert len(agents.queued()) <= 4
    eventually(lambda: agents.saved(ONE)[-1] == "turn 9")
    eventually(lambda: agents.queued() == [])


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff\0" * 50, b"[1]", b'{"session_id": 7}', b"[" * 100_000])
@pytest.mark.parametrize("event", [["Stop"], ["PreCompact"], []])
def test_what_an_agent_says_wrongly_means_everything(agents: AgentHome, payload: bytes, event: list[str]) -> None:
    agents.says(ONE, "one")
    done = agents.run("hook", "claude-code", *event, input=payload)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    eventually(lambda: agents.saved(ONE) == ["one"])


@pytest.mark.parametrize("session", ["../../../etc", "a/b", "x" * 500, "", "\x1b[2J", "*"])
def test_a_session_with_a_name_nobody_gives_is_no_path(agents: AgentHome, session: str) -> None:
    agents.says(ONE, "one")
    payload = json.dumps({"session_id": session, "transcript_path": "/etc/passwd"}).encode()
    assert agents.run("hook", "claude-code", "PreCompact", input=payload).returncode == 0
    eventually(lambda: agents.contexts() == {f"claude-code/-work-engine/{ONE}"})


def test_a_hook_needs_no_home_no_agent_and_nowhere_to_write(agents: AgentHome) -> None:
    agents.environ["HOME"] = str(agents.path / "nowhere")
    agents.hook(ONE, "SessionEnd")
    del agents.environ["HOME"]
    agents.hook(ONE, "SessionEnd")
    agents.environ["HOME"] = str(agents.path)
    agents.says(ONE, "one")
    agents.state.parent.mkdir(parents=True)
    agents.state.write_text("no folder")
    agents.hook(ONE, "PreCompact")
    assert agents.saved(ONE) == ["one"]
    assert not (agents.path / "nowhere").exists()


def test_a_hook_saves_where_it_is_told_and_never_into_a_projects_repository(agents: AgentHome, tmp_path: Path) -> None:
    ctxstore.init(tmp_path / "named").close()
    ctxstore.init(tmp_path / "variable").close()
    ctxstore.init(agents.path / ".ctx").close()
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact", "--repo", str(tmp_path / "named"))
    assert agents.saved(ONE, tmp_path / "named") == ["one"]
    agents.environ["CTX_REPO"] = str(tmp_path / "variable")
    agents.hook(ONE, "PreCompact")
    assert agents.saved(ONE, tmp_path / "variable") == ["one"]
    assert agents.saved(ONE, agents.path / ".ctx") == [] and not agents.repo.exists()


def test_a_storm_of_hooks_saves_all_sessions(agents: AgentHome) -> None:
    sessions = [f"{number:08x}-aaaa-4bbb-8ccc-000000000000" for number in range(12)]
    for session in sessions:
        agents.says(session, "one")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda session: agents.hook(session, "Stop"), sessions * 3))
    eventually(lambda: len(agents.contexts()) == len(sessions))
    eventually(lambda: agents.queued() == [])


def test_a_request_whose_worker_was_killed_is_done_by_the_next(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.says(TWO, "two")
    agents.hook(TWO, "PreCompact")
    with (agents.repo / "root.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        agents.hook(ONE, "Stop")
        eventually(lambda: any(name.endswith(".taken") for name in agents.queued()))
        worker = holder(agents.state / "hooks" / "lock")
        eventually(lambda: worker() is not None)
        os.kill(worker() or 0, signal.SIGKILL)
    agents.hook(TWO, "PreCompact")
    eventually(lambda: agents.saved(ONE) == ["one"])


def holder(path: Path):  # type: ignore[no-untyped-def]
    """Finds the process that has a file open."""

    def find() -> int | None:
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    if any(os.path.samefile(fd, path) for fd in (process / "fd").iterdir()):
                        return int(process.name)
                except OSError:
                    pass
        return None

    return find


def test_the_work_goes_on_when_the_agent_and_all_it_started_are_killed(agents: AgentHome) -> None:
    agents.says(ONE, "one")
    agents.hook(ONE, "PreCompact")
    agents.says(ONE, "two")
    with (agents.repo / "root.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        agent = subprocess.Popen(
            [CTX, "hook", "claude-code", "PreCompact"],
            stdin=subprocess.PIPE,
            env=agents.environ,
            start_new_session=True,
        )
        assert agent.stdin is not None
        agent.stdin.write(agents.payload(ONE, "PreCompact"))
        agent.stdin.close()
        eventually(lambda: any(name.endswith(".taken") for name in agents.queued()))
        os.killpg(agent.pid, signal.SIGKILL)
        agent.wait()
    eventually(lambda: agents.saved(ONE) == ["one", "two"])


def test_a_hook_whose_ctx_is_gone_ends_well(tmp_path: Path) -> None:
    for repo in (None, "/some where"):
        command = hook_command(str(tmp_path / "gone $(touch pwned)" / "ctx"), repo, "codex", "Stop")
        done = subprocess.run(["sh", "-c", command], capture_output=True, cwd=tmp_path, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_was_notified_before_still_is(agents: AgentHome, tmp_path: Path) -> None:
    program = tmp_path / "my notify"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$0.log"\nexit 3\n')
    program.chmod(0o755)
    payload = json.dumps({"type": "agent-turn-complete", "thread-id": ONE, "input-messages": ["'; touch pwned; $(id)"]})
    for ctx in (CTX, "/gone/ctx"):
        words = [*notify_words(notify_command(ctx, None, "codex")), str(program), "two words", payload]
        assert subprocess.run(words, env=agents.environ, cwd=tmp_path, check=False).returncode == 3
        assert Path(f"{program}.log").read_text() == f"two words\n{payload}\n"
        Path(f"{program}.log").unlink()
    alone = [*notify_words(notify_command(CTX, None, "codex")), payload]
    done = subprocess.run(alone, env=agents.environ, cwd=tmp_path, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (tmp_path / "pwned").exists()
