"""``ctx checkout --vanished`` and ``ctx checkout --all --home``: several sessions in one command."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.cli.repository import default_path
from ctxstore.cli.tour.sample import SESSION

OTHER = "6a1d3e2f-8b05-4c2d-8d64-1e7b3c9f5a28"


@pytest.fixture
def two(saved: Any, ctx: Any) -> dict[str, Path]:
    """Two saved sessions of one project."""
    first = Path(saved.transcript)
    second = first.with_name(f"{OTHER}.jsonl")
    second.write_text(first.read_text().replace(SESSION, OTHER))
    old = time.time() - 40 * 86_400
    for path in (first, second):
        os.utime(path, (old, old))
    ctx("snapshot")
    return {SESSION: first, OTHER: second}


def test_all_vanished_sessions_come_back_and_stay(two: dict[str, Path], ctx: Any) -> None:
    content = {path: path.read_bytes() for path in two.values()}
    for path in two.values():
        path.unlink()
    shown = ctx("checkout", "--vanished", "--yes").stdout
    assert "2 sessions to restore" in shown and "2 sessions restored" in shown
    assert {path: path.read_bytes() for path in two.values()} == content
    assert all(time.time() - path.stat().st_mtime < 86_400 for path in two.values())  # or the agent deletes them again
    assert "0 sessions to restore" in ctx("checkout", "--vanished", "--yes").stdout


def test_a_session_that_went_on_is_left_alone(two: dict[str, Path], ctx: Any) -> None:
    with two[SESSION].open("a") as file:
        file.write("\n")
    before = two[SESSION].read_bytes()
    two[OTHER].unlink()
    assert len(ctx.json("checkout", "--vanished", "--yes")["contexts"]) == 1
    assert two[OTHER].exists() and two[SESSION].read_bytes() == before


def test_it_asks_once_and_a_dry_run_changes_nothing(two: dict[str, Path], ctx: Any) -> None:
    two[OTHER].unlink()
    assert "--yes" in ctx.error("checkout", "--vanished", code=2)["hint"]
    assert "Dry run" in ctx("checkout", "--vanished", "--dry-run").stdout
    assert not two[OTHER].exists()


def test_a_project_limits_the_selection(two: dict[str, Path], ctx: Any, tmp_path: Path) -> None:
    for path in two.values():
        path.unlink()
    assert ctx.json("checkout", "--vanished", "--project", str(tmp_path), "--yes")["contexts"] == []
    assert len(ctx.json("checkout", "--vanished", "--project", "/home/ada/linkcheck", "--yes")["contexts"]) == 2


def test_all_sessions_move_to_another_home_and_project(two: dict[str, Path], ctx: Any, tmp_path: Path) -> None:
    new = tmp_path / "bob"
    move = ("checkout", "--all", "--home", str(new), "--map-path", "/home/ada/linkcheck=/home/bob/lc", "--yes")
    done = ctx.json(*move)
    assert not done["failed"]
    folder = new / ".claude" / "projects" / "-home-bob-lc"
    assert {SESSION, OTHER} <= {path.stem for path in folder.glob("*.jsonl")}
    assert b'"/home/bob/lc"' in (folder / f"{OTHER}.jsonl").read_bytes().replace(b" ", b"")
    assert list(folder.glob("memory/*")) and list((new / ".claude").glob("*.json"))
    assert ctx.json(*move)["contexts"] == []  # interrupted or repeated, it ends in the same state


def test_what_can_not_be_restored_is_named_and_the_rest_is(two: dict[str, Path], ctx: Any, tmp_path: Path) -> None:
    with ctxstore.open(default_path()) as repo, repo.edit("chat/alice") as draft:
        draft.messages.append("of a program, not of an agent's file")
        draft.commit()
    done = ctx.json("checkout", "--all", "--home", str(tmp_path / "bob"), "--yes", code=2)
    assert [each["ref"] for each in done["failed"]] == ["chat/alice"]
    assert (tmp_path / "bob/.claude/projects/-home-ada-linkcheck" / f"{OTHER}.jsonl").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--vanished", "--to", "out"],
        ["--vanished", "--as-new-session"],
        ["--vanished", "--all", "--home", "out"],
        [SESSION, "--vanished"],
        [SESSION, "--project", "/x"],
        ["--all", "--home", "out", "--as-new-session"],
        ["--all", "--home", "out", "--at", "now"],
    ],
)
def test_contradictory_options_are_refused(two: dict[str, Path], ctx: Any, options: list[str]) -> None:
    ctx("checkout", *options, "--yes", code=2)
