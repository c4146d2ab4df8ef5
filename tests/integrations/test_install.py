"""`ctx install` and `ctx uninstall`, for a user with settings and for one without."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.agent_home import CTX, AgentHome

AGENTS = ("claude-code", "codex", "gemini")

THEIRS = {
    ".claude/settings.json": '{\r\n\t"model" : "opus",\r\n\t"enabledPlugins": {"mine@home": true}, "env": {}\r\n}',
    ".claude/plugins/known_marketplaces.json": '{\n  "home": {"source": {"source": "github", "repo": "a/b"}}\n}',
    ".codex/hooks.json": '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}\n',
    ".codex/config.toml": '# mine\nmodel = "x" # so\nnotify = [\n  "say", # loud\n  "done",\n]\n[features]\na = true',
    ".gemini/settings.json": '{\n  // a comment\n  "hooks": {"AfterAgent": []},\n}\n',
}


def files(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Reads all files in a folder."""
    found = {}
    for place, folders, names in os.walk(folder):
        paths = [Path(place, name) for name in (*folders, *names)]
        found |= {
            str(path.relative_to(folder)): (path.read_bytes() if path.is_file() else b"", path.lstat().st_mode)
            for path in paths
        }
    return found


@pytest.fixture
def settled(agents: AgentHome) -> AgentHome:
    """A user with settings."""
    for name, text in THEIRS.items():
        path = agents.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        path.chmod(0o640)
    return agents


def test_uninstalling_leaves_what_was_there_before(settled: AgentHome) -> None:
    before = files(settled.path)
    for agent in AGENTS:
        assert settled.run("install", agent).returncode == 0
        there = files(settled.path)
        again = settled.run("install", agent)
        assert (again.returncode, again.stdout) == (0, b"Nothing to change.\n")
        assert files(settled.path) == there != before
    for agent in AGENTS:
        assert settled.run("uninstall", agent).returncode == 0
    assert files(settled.path) == before
    for agent in AGENTS:
        assert settled.run("uninstall", agent).stdout == b"Nothing to change.\n"


@pytest.mark.parametrize("agent", AGENTS)
def test_where_nothing_was_nothing_is_left(agents: AgentHome, agent: str) -> None:
    agents.claude.rmdir()
    assert agents.run("install", agent).returncode == 0
    made = files(agents.path)
    assert made and not [name for name, (_, mode) in made.items() if mode & 0o077]
    assert agents.run("uninstall", agent).returncode == 0
    assert files(agents.path) == {}


@pytest.mark.parametrize("agent", AGENTS)
def test_a_dry_run_shows_all_and_changes_nothing(settled: AgentHome, agent: str) -> None:
    before = files(settled.path)
    shown = settled.run("install", agent, "--dry-run").stdout.decode()
    assert "Dry run: nothing was changed." in shown
    told = json.loads(settled.run("install", agent, "--dry-run", "--json").stdout)
    assert files(settled.path) == before
    assert told["agent"] == agent and told["dry_run"] is True
    assert {file["change"] for file in told["files"]} == {"create", "edit"}
    assert all(file["path"] in shown for file in told["files"])
    settled.run("install", agent)
    there = files(settled.path)
    assert settled.run("uninstall", agent, "--dry-run").returncode == 0
    assert files(settled.path) == there


def test_the_hooks_call_the_ctx_that_installed_them(settled: AgentHome) -> None:
    for agent in AGENTS:
        settled.run("install", agent)
    codex = json.loads((settled.path / ".codex/hooks.json").read_text())["hooks"]
    assert codex["Stop"][0] == {"hooks": [{"type": "command", "command": "mine"}]}
    assert CTX in codex["Stop"][1]["hooks"][0]["command"]
    notify = tomllib.loads((settled.path / ".codex/config.toml").read_text())["notify"]
    assert CTX in notify[2] and notify[-2:] == ["say", "done"]
    gemini = (settled.path / ".gemini/settings.json").read_text()
    assert "// a comment" in gemini and gemini.count(CTX) == 8
    plugin = settled.state / "claude-code"
    settings = json.loads((settled.path / ".claude/settings.json").read_text())
    assert settings["extraKnownMarketplaces"]["ctxstore"]["source"]["path"] == str(plugin)
    assert settings["enabledPlugins"] == {"mine@home": True, "session@ctxstore": True, "ctx@ctxstore": True}
    assert CTX in (plugin / "session/ctx-hook").read_text()


def test_installing_anew_takes_the_place_of_what_was_there(settled: AgentHome, tmp_path: Path) -> None:
    before = files(settled.path)
    assert settled.run("--repo", str(tmp_path / "the repo"), "init").returncode == 0
    for agent in AGENTS:
        settled.run("install", agent)
        assert settled.run("install", agent, "--repo", str(tmp_path / "the repo")).returncode == 0
    for name in (".codex/hooks.json", ".codex/config.toml", ".gemini/settings.json"):
        text = (settled.path / name).read_text()
        assert text.count("hook codex") + text.count("hook gemini") == text.count("--repo")
    assert f"repo='{tmp_path}/the repo'" in (settled.state / "claude-code/session/ctx-hook").read_text()
    for agent in AGENTS:
        settled.run("uninstall", agent)
    assert files(settled.path) == before


@pytest.mark.parametrize(
    ("agent", "name", "text"),
    [
        ("claude-code", ".claude/settings.json", '{"model": "opus",\n  "hooks": '),
        ("claude-code", ".claude/settings.json", ""),
        ("codex", ".codex/hooks.json", '{"hooks": []}'),
        ("codex", ".codex/config.toml", "notify = "),
        ("codex", ".codex/config.toml", 'notify = "x"'),
        ("gemini", ".gemini/settings.json", '["\udcff"]'),
    ],
)
def test_settings_that_are_wrong_are_refused_untouched(settled: AgentHome, agent: str, name: str, text: str) -> None:
    (settled.path / name).write_bytes(text.encode(errors="surrogateescape"))
    before = files(settled.path)
    done = settled.run("install", agent)
    assert done.returncode == 2 and str(settled.path / name) in done.stderr.decode()
    assert files(settled.path) == before


def test_settings_that_are_no_file_are_not_waited_for(agents: AgentHome) -> None:
    path = agents.path / ".claude" / "settings.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    done = agents.run("install", "claude-code")
    assert done.returncode == 2 and b"is not a regular file" in done.stderr


def test_settings_that_are_a_link_stay_one(agents: AgentHome, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.json"
    kept.write_text('{"theme": "dark"}')
    (agents.path / ".gemini").mkdir()
    (agents.path / ".gemini/settings.json").symlink_to(kept)
    assert agents.run("install", "gemini").returncode == 0
    assert (agents.path / ".gemini/settings.json").is_symlink() and "ctxstore" in kept.read_text()
    assert agents.run("uninstall", "gemini").returncode == 0
    assert kept.read_text() == '{"theme": "dark"}'


def test_what_the_user_added_since_stays(agents: AgentHome) -> None:
    for agent in AGENTS:
        agents.run("install", agent)
    path = agents.path / ".codex/hooks.json"
    value: dict[str, Any] = json.loads(path.read_text())
    value["hooks"]["Stop"].insert(0, {"hooks": [{"type": "command", "command": "mine"}]})
    path.write_text(json.dumps(value))
    config = agents.path / ".codex/config.toml"
    config.write_text(config.read_text() + 'model = "x"\n')
    for agent in AGENTS:
        assert agents.run("uninstall", agent).returncode == 0
    assert json.loads(path.read_text()) == {"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "mine"}]}]}}
    assert config.read_text() == 'model = "x"\n'
    assert files(agents.path).keys() == {".claude", ".codex", ".codex/hooks.json", ".codex/config.toml"}


def test_what_claude_code_wrote_of_the_plugins_goes_with_them(agents: AgentHome) -> None:
    agents.run("install", "claude-code")
    plugins = agents.path / ".claude/plugins"
    (plugins / "data/session-ctxstore").mkdir(parents=True)
    (plugins / "known_marketplaces.json").write_text(json.dumps({"ctxstore": {"x": 1}, "other": {}}, indent=2))
    installed = {"version": 2, "plugins": {"session@ctxstore": [{}], "ctx@ctxstore": [{}], "mine@home": []}}
    (plugins / "installed_plugins.json").write_text(json.dumps(installed, indent=2))
    assert agents.run("uninstall", "claude-code").returncode == 0
    assert json.loads((plugins / "known_marketplaces.json").read_text()) == {"other": {}}
    assert json.loads((plugins / "installed_plugins.json").read_text())["plugins"] == {"mine@home": []}
    assert not (plugins / "data/session-ctxstore").exists()


def test_other_places_of_the_agents_are_respected(agents: AgentHome, tmp_path: Path) -> None:
    for variable, agent in (
        ("CLAUDE_CONFIG_DIR", "claude-code"),
        ("CODEX_HOME", "codex"),
        ("GEMINI_CLI_HOME", "gemini"),
    ):
        agents.environ[variable] = str(tmp_path / agent)
        assert agents.run("install", agent).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} >= set(AGENTS)
    assert not list(agents.claude.iterdir()) and not (agents.path / ".codex").exists()


def test_what_was_there_before_the_hooks_is_not_forgotten(agents: AgentHome) -> None:
    told = [agents.run("install", "gemini").stderr.decode() for _ in range(2)]
    assert ["Run `ctx snapshot` now" in each for each in told] == [True, False]


def test_without_an_agent_what_is_set_up_is_listed(agents: AgentHome) -> None:
    agents.run("install", "gemini")
    told = json.loads(agents.run("install", "--json").stdout)
    assert told == {"agents": {"claude-code": False, "codex": False, "gemini": True}, "failure": None}
    assert b"gemini       installed" in agents.run("install").stdout


def test_what_another_version_put_into_the_plugins_goes(agents: AgentHome) -> None:
    agents.run("install", "claude-code")
    before = files(agents.path)
    old = agents.state / "claude-code/session/commands/old.md"
    old.write_text("old")
    assert agents.run("install", "claude-code").returncode == 0 and files(agents.path) == before
    old.write_text("old")
    assert agents.run("uninstall", "claude-code").returncode == 0 and files(agents.path).keys() == {".claude"}


@pytest.mark.parametrize("plugin", ["session", "ctx"])
def test_hooks_of_sessions_that_outlive_the_plugin_end_well(agents: AgentHome, plugin: str) -> None:
    import ctxstore.integrations.claude_code.setup as claude

    value = json.loads(Path(claude.MARKETPLACE, plugin, "hooks/hooks.json").read_text())
    commands = [hook["command"] for groups in value["hooks"].values() for group in groups for hook in group["hooks"]]
    for command in commands:  # 2 would keep the agent from stopping
        environ = {**agents.environ, "CLAUDE_PLUGIN_ROOT": "/gone"}
        done = subprocess.run(["/bin/sh", "-c", command], env=environ, input=b"{}", capture_output=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_plugins_have_the_packages_version() -> None:
    import ctxstore
    import ctxstore.integrations.claude_code.setup as claude

    for plugin in claude.PLUGINS:
        value = json.loads(Path(claude.MARKETPLACE, plugin, ".claude-plugin/plugin.json").read_text())
        assert (value["name"], value["version"]) == (plugin, ctxstore.__version__)


def test_the_plugins_script_runs_the_ctx_on_the_path_until_it_is_installed(agents: AgentHome) -> None:
    import ctxstore.integrations.claude_code.setup as claude

    script = Path(claude.MARKETPLACE) / "session/ctx-hook"
    for path, code in ((str(Path(CTX).parent), 0), ("/nowhere", 0)):
        done = subprocess.run(
            ["/bin/sh", str(script), "Stop"],
            env={**agents.environ, "PATH": path},
            input=b"{}",
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (code, b"", b"")
