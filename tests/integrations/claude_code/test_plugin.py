"""The plugins in the real Claude Code: hooks save sessions, never disturb the agent, and commands report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.integrations.claude_code.setup import MARKETPLACE
from tests.clients.claude import Claude
from tests.clients.client import accepted
from tests.clients.model.server import ModelServer
from tests.integrations.agent_home import AgentHome, LoggedCtx, eventually
from tests.integrations.test_install import files


@pytest.fixture
def claude(agents: AgentHome, claude_place: Path, model: ModelServer, tmp_path: Path) -> Claude:
    """Claude Code in the made-up home."""
    return Claude(claude_place, model, agents.path, tmp_path / "my project")


@pytest.fixture
def logged(agents: AgentHome, claude: Claude) -> LoggedCtx:
    """A logged `ctx` that Claude Code is set up with."""
    ctx = LoggedCtx(agents)
    ctx.install("claude-code")
    return ctx


def notes(agents: AgentHome, session: str) -> list[str]:
    with ctxstore.open(agents.repo) as repo:
        return [stored.commit.note for stored in repo.log(session)]


def test_sessions_are_saved_by_themselves(agents: AgentHome, claude: Claude, logged: LoggedCtx) -> None:
    session = claude.turn("the first thing")
    assert logged.events() == ["SessionStart", "Stop", "SessionEnd"]
    eventually(lambda: any("the first thing" in text for text in agents.saved(session)))
    assert any("REPLY 1" in text for text in agents.saved(session))
    claude.turn("the second thing", resume=session)
    eventually(lambda: any("REPLY 2" in text for text in agents.saved(session)))
    accepted(claude.try_turn("/compact", resume=session))
    assert "PreCompact" in logged.events()
    eventually(lambda: "before it was compacted" in notes(agents, session))
    eventually(lambda: "claude-code/home" in agents.contexts())
    eventually(lambda: agents.queued() == [])


@pytest.mark.parametrize("damage", ["garbage", "read-only", "gone", "no ctx"])
def test_a_broken_store_disturbs_no_turn(
    agents: AgentHome, claude: Claude, logged: LoggedCtx, damage: str, model: ModelServer
) -> None:
    session = claude.turn("one")
    eventually(lambda: agents.saved(session))
    if damage == "garbage":
        (agents.repo / "root").write_bytes(b"garbage")
    elif damage == "read-only":
        shutil.rmtree(agents.repo)
        agents.repo.write_text("a file")
    elif damage == "gone":
        shutil.rmtree(agents.repo)
        shutil.rmtree(agents.state / "hooks")
    else:
        logged.remove()
    told = accepted(claude.try_turn("two", resume=session))
    assert json.loads(told.stdout)["result"] == "REPLY 2" and "hook" not in told.stderr.lower()
    said = [part for turn in model.conversations()[-1] for part in turn]
    assert not any("ctx" in str(part) and "error" in str(part) for part in said)


def run(claude: Claude, line: str, session: str) -> str:
    """Runs a slash command in a session, and returns its report. It costs no request and leaves nothing behind."""
    requests, before = len(claude.model.requests), transcript(claude, session)
    done = accepted(claude.try_turn(line, resume=session))
    print(done.stdout)
    assert len(claude.model.requests) == requests
    assert messages(transcript(claude, session)) == messages(before)
    return str(json.loads(done.stdout)["result"])


def transcript(claude: Claude, session: str) -> str:
    (path,) = claude.home.glob(f".claude/projects/*/{session}.jsonl")
    return path.read_text()


def messages(text: str) -> list[str]:
    """Returns the messages in a transcript, without the agent's bookkeeping."""
    return [line for line in text.splitlines() if json.loads(line).get("type") in ("user", "assistant")]


def test_commands_of_the_session(agents: AgentHome, claude: Claude, logged: LoggedCtx, tmp_path: Path) -> None:
    session = claude.turn("remember the milk")
    note = "before; touch pwned $(touch pwned) `touch pwned` 'quoted' & \\ --kind"
    shown = run(claude, f"/session:backup full {note}", session)
    words = ("context", session, "commit", "time", "type       full", "files", "size", "repository", "verified", "kept")
    for word in words:
        assert word in shown, shown
    assert str(agents.repo) in shown
    assert any(each.startswith("before; touch pwned $(touch pwned)") for each in notes(agents, session))
    assert not list(tmp_path.rglob("pwned"))
    shown = run(claude, f"/session:backup {session[:8]} incremental", session)
    assert "type       incremental" in shown
    shown = run(claude, "/session:list-backups", session)
    assert shown.count("\n") >= 2 and "before; touch" in shown
    assert "Nothing to forget" in run(claude, "/session:cleanup dry-run", session)
    assert "Nothing was done" in run(claude, "/session:cleanup dryrun", session)
    shown = run(claude, "/session:recover", session)
    (new,) = set(re.findall(r"claude --resume (\S+)", shown))
    assert new != session and {session, new} <= set(claude.sessions())
    claude.turn("and now", resume=new)
    assert "remember the milk" in json.dumps(claude.model.conversations()[-1])


def test_commands_of_history(agents: AgentHome, claude: Claude, logged: LoggedCtx) -> None:
    session = claude.turn("remember the milk")
    claude.turn("and the bread", resume=session)
    eventually(lambda: any("and the bread" in text for text in agents.saved(session)))
    assert run(claude, "/ctx:log", session).count(" messages ") >= 2
    assert session in run(claude, "/ctx:diff", session)
    with ctxstore.open(agents.repo) as repo:
        first = list(repo.log(session))[-1].id.hex()
    assert "and the bread" in run(claude, f"/ctx:diff {first[:12]} {session}", session)
    assert "error: " in run(claude, "/ctx:diff nonsense", session)
    assert "error: " in run(claude, "/ctx:diff --output=/etc/x", session)


def test_uninstalling_leaves_no_trace_of_the_plugins(agents: AgentHome, claude: Claude) -> None:
    claude.turn("before")
    before = {name: data for name, data in files(agents.claude).items() if name.endswith("settings.json")}
    agents.run("install", "claude-code")
    claude.turn("with it")
    assert agents.run("uninstall", "claude-code").returncode == 0
    left = files(agents.claude)
    assert {name: data for name, data in left.items() if name.endswith("settings.json")} == before
    assert not [name for name, (data, _) in left.items() if name.startswith("plugins/") and b"ctxstore" in data]
    told = accepted(claude.try_turn("after"))
    assert "ctxstore" not in told.stderr and not agents.state.exists()


def plugin(claude: Claude, *words: str) -> Any:
    return accepted(claude.run(str(claude.place / "node_modules/.bin/claude"), "plugin", *words))


def test_the_packages_marketplace_is_what_claude_code_expects(agents: AgentHome, claude: Claude) -> None:
    for place in (MARKETPLACE, f"{MARKETPLACE}/session", f"{MARKETPLACE}/ctx"):
        assert "Validation passed" in plugin(claude, "validate", place).stdout
    plugin(claude, "marketplace", "add", MARKETPLACE)
    plugin(claude, "install", "session@ctxstore")
    plugin(claude, "install", "ctx@ctxstore")
    session = claude.turn("one")
    eventually(lambda: any("REPLY 1" in text for text in agents.saved(session)))
    assert session in run(claude, "/session:backup", session)
