"""The repository that a command works on, and the creation of one."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from ctxstore.cli.repository import find_nearest, locate_repository


def test_the_option_wins_over_the_variable_over_the_folder_over_the_default(home: Any, ctx: Any) -> None:
    ctx("init")
    here = os.getcwd()
    assert locate_repository("/a", {"CTX_REPO": "/b", "HOME": here}, here).path == "/a"
    assert locate_repository(None, {"CTX_REPO": "/b", "HOME": here}, here).path == "/b"
    assert locate_repository(None, {"HOME": here}, here) == (f"{here}/.ctx", False)
    assert locate_repository(None, {"HOME": "/nowhere"}, "/") == (f"{here}/.local/share/ctxstore", True)


def test_the_nearest_is_found_from_below(tmp_path: Path) -> None:
    for folder in ("a/.ctx", "a/b/.ctx", "a/b/c/d"):
        (tmp_path / folder).mkdir(parents=True)
    assert find_nearest(f"{tmp_path}/a/b/c/d", "/nowhere") == f"{tmp_path}/a/b/.ctx"
    assert find_nearest(f"{tmp_path}/a", "/nowhere") == f"{tmp_path}/a/.ctx"


def test_above_the_home_folder_nothing_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / ".ctx").mkdir()
    (tmp_path / "home/project").mkdir(parents=True)
    assert find_nearest(f"{tmp_path}/home/project", f"{tmp_path}/home") is None
    assert find_nearest(f"{tmp_path}/home/project", "/nowhere") == f"{tmp_path}/.ctx"


def test_another_users_is_passed_by(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ctx").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: 4_000_000)
    assert find_nearest(str(tmp_path), str(tmp_path)) is None


def test_the_first_snapshot_makes_the_default_for_its_owner_only(home: Any, ctx: Any) -> None:
    result = ctx("snapshot")
    path = os.path.join(home.path, ".local/share/ctxstore")
    assert f"Created your repository: {path}" in result.stdout
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    assert "Made" not in ctx("snapshot").stdout


@pytest.mark.parametrize(
    "arguments", [["log"], ["refs"], ["stats"], ["check"], ["gc"], ["show", "x"], ["diff", "x"], ["export", "x"]]
)
def test_other_commands_say_how_to_begin(arguments: list[str], home: Any, ctx: Any) -> None:
    error = ctx.error(*arguments, code=3)
    assert error["type"] == "NotFound" and "ctx snapshot" in error["hint"] and "ctx init" in error["hint"]
    assert not os.path.exists(os.path.join(home.path, ".local"))


@pytest.mark.parametrize(
    ("arguments", "place"),
    [([], ".ctx"), (["new/folder"], "new/folder/.ctx"), (["--repo", "there"], "there")],
)
def test_init_makes_a_repository_and_says_where(arguments: list[str], place: str, home: Any, ctx: Any) -> None:
    assert place in ctx("init", *arguments).stdout
    assert ctx.json("stats", "--repo", place)["contexts"] == 0
    assert "already" in ctx("init", *arguments, code=4).stderr


def test_init_makes_what_the_variable_names(home: Any, ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTX_REPO", f"{home.path}/elsewhere")
    assert ctx.json("init") == {"repository": f"{home.path}/elsewhere"}
    assert ctx.json("stats")["repository"] == f"{home.path}/elsewhere"


def test_init_leaves_a_folder_alone_that_holds_something(home: Any, ctx: Any) -> None:
    ctx("init", "--repo", ".claude", code=4)


def test_a_folder_that_is_no_repository_is_named(home: Any, ctx: Any) -> None:
    assert "is not a ctxstore repository" in ctx("log", "--repo", ".claude", code=3).stderr
    assert "no repository at" in ctx("snapshot", "--repo", "nowhere", code=3).stderr
