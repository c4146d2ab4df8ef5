"""Hooks and notify in the real Codex."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ctxstore
from tests.clients.client import accepted
from tests.clients.codex import Codex
from tests.clients.model.server import ModelServer
from tests.integrations.agent_home import AgentHome, LoggedCtx, eventually

TRUSTED = "--dangerously-bypass-hook-trust"


@pytest.fixture
def codex(agents: AgentHome, codex_place: Path, model: ModelServer, tmp_path: Path) -> Codex:
    """Codex in the made-up home, with a `notify` program of the user."""
    codex = Codex(codex_place, model, agents.path, tmp_path / "my project")
    program = agents.path / "my notify"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> "$0.log"\n')
    program.chmod(0o755)
    (agents.path / ".codex/config.toml").write_text(f"# mine\nnotify = [{json.dumps(str(program))}, 'two words']\n")
    return codex


@pytest.fixture
def logged(agents: AgentHome, codex: Codex) -> LoggedCtx:
    """A logged `ctx` that Codex is set up with."""
    ctx = LoggedCtx(agents)
    ctx.install("codex")
    return ctx


def notified(agents: AgentHome) -> list[str]:
    return (agents.path / "my notify.log").read_text().splitlines()


def test_sessions_are_saved_by_themselves_once_hooks_are_trusted(
    agents: AgentHome, codex: Codex, logged: LoggedCtx
) -> None:
    session = codex.turn("the first thing", TRUSTED)
    eventually(lambda: {"SessionStart", "Stop", "SessionEnd", "notify"} <= set(logged.events()))
    eventually(lambda: any("REPLY 1" in text for text in agents.saved(session)))
    codex.turn("the second thing", TRUSTED, resume=session)
    eventually(lambda: any("the second thing" in text for text in agents.saved(session)))
    eventually(lambda: agents.queued() == [])
    with ctxstore.open(agents.repo) as repo:
        assert repo.resolve(session).ref.startswith("codex/")


def test_until_then_notify_saves_and_the_users_own_program_is_called(
    agents: AgentHome, codex: Codex, logged: LoggedCtx
) -> None:
    session = codex.turn("the first thing")
    eventually(lambda: any("REPLY 1" in text for text in agents.saved(session)))
    assert set(logged.events()) == {"notify"}
    eventually(lambda: (agents.path / "my notify.log").exists() and len(notified(agents)) == 2)
    words, payload = notified(agents)
    assert words == "two words" and json.loads(payload)["thread-id"] == session


def complaints(stdout: str) -> list[str]:
    """Lists Codex's messages about failed hooks, without those about the option that the tests use."""
    items = [json.loads(line).get("item", {}) for line in stdout.splitlines() if line.startswith("{")]
    errors = [item["message"] for item in items if item.get("type") == "error"]
    return [error for error in errors if "hook" in error.lower() and TRUSTED not in error]


@pytest.mark.parametrize("damage", ["garbage", "no ctx"])
def test_a_broken_store_disturbs_no_turn(agents: AgentHome, codex: Codex, logged: LoggedCtx, damage: str) -> None:
    session = codex.turn("one", TRUSTED)
    eventually(lambda: agents.saved(session))
    if damage == "garbage":
        (agents.repo / "root").write_bytes(b"garbage")
    else:
        logged.remove()
    told = accepted(codex.try_turn("two", TRUSTED, resume=session))
    assert "REPLY 2" in told.stdout and complaints(told.stdout) == []


def test_after_uninstalling_codex_goes_on(agents: AgentHome, codex: Codex) -> None:
    config = agents.path / ".codex/config.toml"
    before = config.read_bytes()
    agents.run("install", "codex")
    session = codex.turn("one", TRUSTED)
    eventually(lambda: agents.queued() == [] and agents.saved(session))
    assert agents.run("uninstall", "codex").returncode == 0
    assert config.read_bytes() == before and not (agents.path / ".codex/hooks.json").exists()
    codex.turn("two", TRUSTED, resume=session)
    eventually(lambda: len(notified(agents)) == 4)
    assert not agents.state.exists()
