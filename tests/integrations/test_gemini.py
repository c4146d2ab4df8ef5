"""Hooks in the real Gemini CLI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ctxstore
from tests.clients.client import accepted
from tests.clients.gemini import Gemini
from tests.clients.model.server import ModelServer
from tests.integrations.agent_home import AgentHome, LoggedCtx, eventually


@pytest.fixture
def gemini(agents: AgentHome, gemini_place: Path, model: ModelServer, tmp_path: Path) -> Gemini:
    """Gemini CLI in the made-up home, with a comment and a hook in its settings."""
    gemini = Gemini(gemini_place, model, agents.path, tmp_path / "my project")
    path = agents.path / ".gemini/settings.json"
    value = json.loads(path.read_text())
    command = {"type": "command", "command": f"cat >> '{tmp_path}/mine'"}
    value["hooks"] = {"AfterAgent": [{"hooks": [command]}]}
    path.write_text(json.dumps(value, indent=2).replace("{", "{ // mine", 1))
    return gemini


@pytest.fixture
def logged(agents: AgentHome, gemini: Gemini) -> LoggedCtx:
    """A logged `ctx` that Gemini CLI is set up with."""
    ctx = LoggedCtx(agents)
    ctx.install("gemini")
    return ctx


def test_sessions_are_saved_by_themselves(agents: AgentHome, gemini: Gemini, logged: LoggedCtx, tmp_path: Path) -> None:
    session = gemini.turn("the first thing")
    assert {"SessionStart", "AfterAgent", "SessionEnd"} <= set(logged.events())
    eventually(lambda: any("REPLY 1" in text for text in agents.saved(session[:8])))
    gemini.turn("the second thing", resume=session)
    eventually(lambda: "gemini/home" in agents.contexts())
    eventually(lambda: any("the second thing" in text for text in agents.saved(newest(agents))))
    eventually(lambda: agents.queued() == [])
    assert (tmp_path / "mine").read_text().count('"AfterAgent"') == 2


def newest(agents: AgentHome) -> str:
    """Returns the texts of the newest context: Gemini may continue in another file, and so in another context."""
    with ctxstore.open(agents.repo) as repo:
        names = {name: stored.commit.time for name, stored in repo.refs("gemini/") if stored.commit.summary.messages}
    return max(names, key=lambda name: names[name], default="none")


@pytest.mark.parametrize("damage", ["garbage", "no ctx"])
def test_a_broken_store_disturbs_no_turn(agents: AgentHome, gemini: Gemini, logged: LoggedCtx, damage: str) -> None:
    session = gemini.turn("one")
    eventually(lambda: agents.saved(session[:8]))
    if damage == "garbage":
        (agents.repo / "root").write_bytes(b"garbage")
    else:
        logged.remove()
    told = accepted(gemini.try_turn("two", resume=session))
    assert json.loads(told.stdout)["response"] == "REPLY 2" and "hook" not in told.stderr.lower()


def test_uninstalling_leaves_the_settings_as_they_were(agents: AgentHome, gemini: Gemini) -> None:
    gemini.turn("before")  # rewrites the settings in Gemini's own format
    path = agents.path / ".gemini/settings.json"
    before = path.read_bytes()
    agents.run("install", "gemini")
    gemini.turn("with it")
    assert b"// mine" in path.read_bytes()
    assert agents.run("uninstall", "gemini").returncode == 0
    assert path.read_bytes() == before
