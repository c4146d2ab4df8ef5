"""``ctx sources``: the sessions found, the time until the agent deletes them, and the unsaved ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ctxstore.cli.tour.sample import CONTEXT
from tests.sources.homes import cline as cline_home

DAY = 86_400


def age(path: str | Path, days: float) -> None:
    when = time.time() - days * DAY
    os.utime(path, (when, when))


def found(ctx: Any, source: str = "claude-code") -> dict[str, Any]:
    (root,) = [each for each in ctx.json("sources")["sources"] if each["source"] == source]
    return dict(root)


def test_without_a_repository_nothing_is_saved_and_none_is_made(home: Any, ctx: Any) -> None:
    shown = ctx("sources")
    assert "Claude Code  " in shown.stdout and "not saved      2" in shown.stdout
    assert "2 contexts not saved yet: run `ctx snapshot`." in shown.stderr
    assert ctx.json("sources")["repository"] is None
    assert not os.path.exists(os.path.join(os.environ["HOME"], ".local"))


def test_what_is_new_and_what_changed_since_the_snapshot(home: Any, ctx: Any) -> None:
    for folder, _, files in os.walk(os.environ["HOME"]):
        for name in files:
            age(os.path.join(folder, name), 1)
    time.sleep(0.1)  # a file that was changed this shortly before a snapshot is read again
    ctx("snapshot")
    assert (found(ctx)["saved"], found(ctx)["new"], found(ctx)["changed"]) == (2, [], [])
    assert "saved          2" in ctx("sources").stdout
    home.write_second_turn()
    after = found(ctx)
    assert after["changed"] == [CONTEXT] and len(after["new"]) == 1
    shown = ctx("sources")
    assert f"changed        1  {CONTEXT}\n" in shown.stdout
    assert "2 contexts not saved yet: run `ctx snapshot`." in shown.stderr


def test_json_has_the_documented_shape(home: Any, ctx: Any) -> None:
    value = ctx.json("sources")
    assert set(value) == {"repository", "sources", "missing", "failed"}
    assert {"source": "cline", "agent": "Cline"} in value["missing"]
    (root,) = value["sources"]
    assert set(root) == {
        "source", "agent", "root", "sessions", "contexts", "bytes", "oldest", "oldest_ns", "expiry",
        "saved", "new", "changed", "skipped",
    }  # fmt: skip
    assert set(root["expiry"]) == {"kept_days", "next", "next_ns", "within_7_days"}
    assert root["sessions"] == 1 and root["contexts"] == 2 and root["bytes"] > 0


def test_sessions_the_agent_soon_deletes_are_counted(home: Any, ctx: Any) -> None:
    assert found(ctx)["expiry"]["kept_days"] == 30
    assert "Claude Code deletes sessions after 30 days (next: " in ctx("sources").stdout
    age(home.transcript, 25)
    expiry = found(ctx)["expiry"]
    assert expiry["within_7_days"] == 1
    assert abs(expiry["next_ns"] / 1e9 - time.time() - 5 * DAY) < 60
    shown = ctx("sources").stdout
    assert "expiring       1  within 7 days\n" in shown and "deletes sessions after 30 days (next: " in shown
    assert max(len(line) for line in shown.splitlines() if not line.startswith("Claude")) <= 80


def test_the_agents_own_settings_are_gone_by(home: Any, ctx: Any) -> None:
    Path(os.environ["HOME"], ".claude", "settings.json").write_text('{"cleanupPeriodDays": 365}')
    assert found(ctx)["expiry"]["kept_days"] == 365


def test_every_installation_is_listed_and_agents_that_are_not_here_are_named(home: Any, ctx: Any) -> None:
    cline_home.make(Path(os.environ["HOME"]))
    shown = ctx("sources").stdout
    assert shown.count("Cline  ") == 4
    missing = shown[shown.index("Not found: ") :]
    assert "Continue" in missing and "Claude Code" not in missing


def test_a_home_without_any_agent_is_no_error(home: Any, ctx: Any, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "bare").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "bare"))
    monkeypatch.chdir(tmp_path / "bare")
    shown = ctx("sources")
    assert shown.stdout.startswith("Not found: ") and not shown.stderr


def test_what_cant_be_listed_is_named_and_the_rest_goes_on(home: Any, ctx: Any) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may list any folder")
    closed = Path(os.environ["HOME"], ".claude", "projects")
    closed.chmod(0)
    try:
        shown = ctx("sources")
    finally:
        closed.chmod(0o700)
    assert f"could not be looked at: {closed}: Permission denied" in shown.stderr
    assert "not saved      1" in shown.stdout


def test_a_third_partys_source_that_fails_is_named_and_the_rest_goes_on(home: Any, tmp_path: Path) -> None:
    package = tmp_path / "site" / "faulty-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[ctxstore.sources]\nfaulty = faulty:Faulty\n")
    (tmp_path / "site" / "faulty.py").write_text(
        "class Faulty:\n    name = agent = 'faulty'\n    def discover(self, environ):\n        return 1 / 0\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", "from ctxstore.cli.main import main; main()", "sources", "--json"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        check=True,
    )
    value = json.loads(done.stdout)
    assert value["failed"] == [{"source": "faulty", "reason": "division by zero"}]
    assert [root["source"] for root in value["sources"]] == ["claude-code"]


def test_quiet_leaves_out_the_hint_only(home: Any, ctx: Any) -> None:
    shown = ctx("sources", "--quiet")
    assert "Claude Code" in shown.stdout and not shown.stderr


def test_a_repository_that_cant_be_read_is_an_error_not_the_agents_fault(saved: Any, ctx: Any) -> None:
    (root,) = Path(os.environ["HOME"]).rglob("ctxstore/root")
    root.write_bytes(b"damaged")
    ctx("sources", code=5)


def test_a_repository_that_is_named_must_be_there(home: Any, ctx: Any) -> None:
    ctx("sources", "--repo", "nowhere", code=3)


def test_projects_that_were_saved_are_shown_from_anywhere(home: Any, tmp_path: Any, ctx: Any) -> None:
    project = tmp_path / "engine"
    project.mkdir()
    (project / ".aider.chat.history.md").write_text("# aider chat started at 2026-01-01 10:00:00\n\n#### Oil it  \n")
    age(project / ".aider.chat.history.md", 1)
    time.sleep(0.1)  # a file that was changed this shortly before a snapshot is read again
    ctx.json("snapshot", f"aider:{project}")
    (shown,) = [each for each in ctx.json("sources")["sources"] if each["source"] == "aider"]
    assert (shown["root"], shown["saved"], shown["new"]) == (str(project), 1, [])


@pytest.mark.parametrize("said", ["gone", "elsewhere", "nowhere"])
def test_the_project_is_the_folder_one_is_in_whatever_pwd_says(
    said: str, home: Any, tmp_path: Path, ctx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    for folder in (project, elsewhere):
        folder.mkdir()
        (folder / ".aider.chat.history.md").write_text("\n#### oil\n")
    monkeypatch.chdir(project)
    if said == "nowhere":
        monkeypatch.delenv("PWD")
    else:
        monkeypatch.setenv("PWD", str(tmp_path / said))
    assert found(ctx, "aider")["root"] == str(project)
    ctx("snapshot")
    assert len(ctx.json("refs", "aider")["refs"]) == 1
