"""``ctx forget``, forgotten commits in ``ctx log``, and the report of them after a snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore.cli.repository import default_path
from ctxstore.history.engine import real_environment
from ctxstore.ops.retention.duration import DAY


@pytest.fixture
def filled(home: Any, ctx: Any) -> ctxstore.Repo:
    """A repository with two contexts: ten commits, one a day, and three commits."""
    ctx("snapshot")
    now = [1_700_000_000 * 10**9]
    environment = real_environment()._replace(clock=lambda: now[0])
    with ctxstore.open(default_path(), environment=environment) as repo:
        for ref, number in (("chat/alice", 10), ("chat/bob", 3)):
            draft = repo.edit(ref)
            for turn in range(number):
                now[0] += DAY
                draft.messages.append({"role": "user", "content": f"turn {turn}"})
                draft.commit(f"turn {turn}")
    return repo


def test_a_dry_run_shows_each_commit_with_its_reason_and_changes_nothing(filled: Any, ctx: Any) -> None:
    shown = ctx("forget", "chat/alice", "--keep-last", "2", "--max-age", "5d", "--dry-run").stdout
    assert "chat/alice  2 kept, 8 forgotten" in shown
    assert "head" in shown and "last 2 of 2" in shown and "no rule keeps it" in shown and "older than 5d" in shown
    assert "Would forget 8 commits in 1 context and keep 2." in shown
    assert all(commit["forgotten"] is None for commit in ctx.json("log", "chat/alice")["commits"])


def test_forgetting_says_what_frees_the_space_and_what_brings_it_back(filled: Any, ctx: Any) -> None:
    shown = ctx("forget", "chat/*", "--keep-last", "2").stdout
    assert "Forgot 9 commits in 2 contexts, kept 4: op:" in shown and "ctx gc" in shown and "`ctx undo op:" in shown
    assert ctx("forget", "chat/*", "--keep-last", "2").stdout == "Nothing to forget: 4 commits kept.\n"
    assert ctx("forget", "chat/*", "--keep-last", "1", "-q").stdout == ""
    ctx("gc")
    ctx("check", "--read-data")


def test_it_says_what_ages_count_from_when_that_is_long_ago(filled: Any, ctx: Any) -> None:
    assert "Age is measured from" not in ctx("forget", "--keep-last", "5", "--dry-run").stderr
    assert "Age is measured from" in ctx("forget", "--keep-within", "5d", "--dry-run").stderr
    for name in ("chat/now", "chat/confirmed"):  # years after the newest run, one run alone may be a jump of the clock
        ctx("fork", "chat/bob", name)
    assert "Age is measured from" not in ctx("forget", "--keep-within", "5d", "--dry-run").stderr


def test_json_has_every_verdict(filled: Any, ctx: Any) -> None:
    value = ctx.json("forget", "--keep-last", "2", "--dry-run")
    assert value["dry_run"] is True and value["op"] is None and value["policy"] == "last 2"
    assert value["now"].endswith("Z") and value["now_ns"] > 0 and value["newly_forgotten"] == 0
    contexts = {context["ref"]: context["commits"] for context in value["contexts"]}
    assert [commit["keep"] for commit in contexts["chat/bob"]] == [True, True, False]
    assert set(contexts["chat/bob"][0]) == {"id", "time", "time_ns", "keep", "reason"}
    assert value["forgotten"] == 9 and value["kept"] == 6
    done = ctx.json("forget", "--keep-last", "2")
    assert len(done["op"]) == 64 and done["newly_forgotten"] == 9


def test_the_log_shows_what_was_forgotten_and_why(filled: Any, ctx: Any) -> None:
    ctx("forget", "chat/bob", "--keep-last", "1")
    lines = ctx("log", "chat/bob").stdout.splitlines()
    assert ["forgotten: no rule keeps it" in line for line in lines] == [False, True, True]
    assert "turn 1" in lines[1]
    newest, older, _ = ctx.json("log", "chat/bob")["commits"]
    assert newest["forgotten"] is None
    assert set(older["forgotten"]) == {"time", "time_ns", "reason"}
    assert older["forgotten"]["reason"] == "no rule keeps it"
    assert "forget    2 commits  last 1" in ctx("log").stdout


def test_forgotten_commits_stand_back_on_a_terminal(filled: Any, ctx: Any, terminal: Any) -> None:
    ctx("forget", "chat/bob", "--keep-last", "1")
    terminal()
    _, forgotten, _ = ctx("log", "chat/bob").stdout.splitlines()
    assert "\x1b[2m" in forgotten and "\x1b[33m" not in forgotten


def test_undo_takes_it_back(filled: Any, ctx: Any) -> None:
    ctx("forget", "--keep-last", "1")
    ctx("undo")
    ctx("gc")
    assert "turn 0" in ctx("log", "chat/alice", "-n", "0").stdout
    assert "turn 0" in ctx("show", "chat/alice~9").stdout


def test_the_bin_is_forgotten_by_when_it_was_dropped(filled: Any, ctx: Any) -> None:
    ctx("drop", "chat/alice")
    assert "Nothing to forget" in ctx("forget", "--dropped", "--keep-within", "30d").stdout
    shown = ctx("forget", "--dropped", "--keep-last", "1").stdout
    assert "Forgot 9 commits in 1 context" in shown and "dropped 20" in shown
    assert ctx("log", "chat/bob").stdout.count("forgotten") == 0


def test_long_lists_are_cut_short(filled: Any, ctx: Any, tmp_path: Path) -> None:
    with ctxstore.open(default_path()) as repo:
        for number in range(25):
            draft = repo.edit(f"many/{number}")
            for _ in range(20 if number == 0 else 2):
                draft.messages.append(number)
                draft.commit()
    shown = ctx("forget", "many/*", "--keep-last", "1", "--dry-run").stdout
    assert "… 7 more, back to" in shown and "… and 5 contexts more" in shown
    assert len(ctx.json("forget", "many/*", "--keep-last", "1", "--dry-run")["contexts"]) == 25


@pytest.mark.parametrize(
    ("arguments", "code", "type", "message"),
    [
        ([], 2, "InvalidInput", "no retention rule given"),
        (["--dry-run"], 2, "InvalidInput", "no retention rule given"),
        (["chat/alice"], 2, "InvalidInput", "no retention rule given"),
        (["--dropped"], 2, "InvalidInput", "no retention rule given"),
        (["--max-age", "30d"], 2, "InvalidInput", "a maximum age alone"),
        (["--policy", "session-backup", "--keep-last", "1"], 2, "InvalidInput", "exclude each other"),
        (["--policy", "session-backup", "--keep-tagged"], 2, "InvalidInput", "exclude each other"),
        (["--policy", "none"], 3, "NotFound", "no policy 'none'"),
        (["--policy", "a/b"], 2, "InvalidInput", "not a valid name for a policy"),
        (["--policy", ""], 2, "InvalidInput", "not a valid name for a policy"),
        (["--keep-last", "0"], 2, "UsageError", "0 is not in the range"),
        (["--keep-last", "-1"], 2, "UsageError", "-1 is not in the range"),
        (["--keep-last", "x"], 2, "UsageError", "not a valid integer"),
        (["--keep-last", "1000001"], 2, "InvalidInput", "out of range"),
        (["--keep-yearly", "9" * 30], 2, "InvalidInput", "out of range"),
        *(
            (["--keep-" + name, "0"], 2, "UsageError", "0 is not in the range")
            for name in ("hourly", "daily", "weekly")
        ),
        (["--keep-monthly", "1.5"], 2, "UsageError", "not a valid integer"),
        (["--keep-within", ""], 2, "InvalidInput", "not a duration"),
        (["--keep-within", "30"], 2, "InvalidInput", "not a duration"),
        (["--keep-within", "0d"], 2, "InvalidInput", "too short"),
        (["--keep-last", "1", "--max-age", "5 days"], 2, "InvalidInput", "not a duration"),
        (["--keep-last", "1", "--max-age", "1001y"], 2, "InvalidInput", "too long"),
        (["--keep-last", "1", "alice"], 3, "NotFound", "no context matches 'alice'"),
        (["--keep-daily", "1", "--time-zone", "Mars"], 2, "InvalidInput", "no time zone 'Mars'"),
        (["--keep-last", "1", "--time-zone", "UTC"], 2, "InvalidInput", "no effect"),
        (["--keep-last", "1", "nobody"], 3, "NotFound", "no context matches 'nobody'"),
        (["--keep-last", "1", "chat/alice", "nob*"], 3, "NotFound", "no context matches 'nob*'"),
        (["--keep-last", "1", ""], 2, "InvalidInput", "a pattern is empty"),
        (["--keep-last", "1", "--dropped", "alice"], 3, "NotFound", "no dropped context matches"),
        (["--nonsense"], 2, "UsageError", "no such option"),
    ],
)
def test_wrong_arguments(filled: Any, ctx: Any, arguments: list[str], code: int, type: str, message: str) -> None:
    error = ctx.error("forget", *arguments, code=code)
    assert error["type"] == type and message in error["message"] and error["hint"]
    assert ctx.json("log", "-n", "1")["runs"][0]["command"] != "forget"


def test_without_a_repository_it_says_so(home: Any, ctx: Any) -> None:
    assert ctx.error("forget", "--keep-last", "1", code=3)["type"] == "NotFound"


def turns(folder: Path, ctx: Any, number: int) -> list[Any]:
    made = []
    for turn in range(number):
        (folder / "notes.md").write_text(f"turn {turn} {len(made)} {folder.stat().st_mtime_ns}")
        made.append(ctx.json("snapshot", str(folder)))
        (folder / f"{turn}").touch()
    return made


def test_a_snapshot_applies_the_repositorys_retention(home: Any, ctx: Any, tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    assert [made["forgotten"] for made in turns(folder, ctx, 4)] == [None] * 4
    assert "forever" in ctx("snapshot", str(folder)).stdout
    ctx("policy", "set", "two", "--keep-last", "2")
    ctx("policy", "auto", "two")
    (folder / "more").touch()
    shown = ctx("snapshot", str(folder)).stdout
    assert "4 commits forgotten by policy." in shown and "kept       by policy two" in shown
    assert ctx.json("snapshot", str(folder))["newly_forgotten"] == 4


def test_a_snapshot_is_saved_although_retention_fails(home: Any, ctx: Any, tmp_path: Path) -> None:
    ctx("snapshot")
    ctx("policy", "set", "two", "--keep-last", "2")
    made = ctx.json("log", "-n", "1")["runs"][0]["id"]
    ctx("policy", "auto", "two")
    ctx("undo", made[:12])  # the policy that is applied no longer exists
    (tmp_path / "file").write_text("x")
    result = ctx("snapshot", str(tmp_path / "file"))
    assert "1 commit saved" in result.stdout
    assert "warning: nothing was forgotten: there is no policy 'two'" in result.stderr
    assert ctx.json("check")["ok"] is True


def test_a_hint_says_when_gc_would_free_much(filled: Any, ctx: Any, tmp_path: Path) -> None:
    with ctxstore.open(default_path()) as repo:
        draft = repo.edit("chat/long")
        for number in range(101):
            draft.messages.append(number)
            draft.commit()
    ctx("forget", "chat/long", "--keep-last", "1")
    file = tmp_path / "file"
    file.write_text("1")
    assert "100 commits forgotten since the last gc" in ctx("snapshot", str(file)).stderr
    file.write_text("22")
    assert ctx("snapshot", str(file), "-q").stderr == ""
    file.write_text("333")
    assert ctx.json("snapshot", str(file))["newly_forgotten"] == 100
    ctx("gc")
    file.write_text("4444")
    assert "forgotten" not in ctx("snapshot", str(file)).stderr
