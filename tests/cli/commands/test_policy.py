"""``ctx policy``."""

from __future__ import annotations

from typing import Any

import pytest

import ctxstore
from ctxstore.ops.refs.settings import RETENTION, change_setting

SESSION_BACKUP = {"name": "session-backup", "rules": {"last": 10, "max_age": "30d"}, "built_in": True}


def test_the_policies_are_listed(saved: Any, ctx: Any) -> None:
    result = ctx("policy")
    assert "session-backup  yes       last 10, nothing older than 30d" in result.stdout
    assert "No automatic retention: snapshots never delete anything." in result.stderr
    assert ctx.json("policy") == {"policies": [SESSION_BACKUP], "automatic": []}


def test_a_policy_records_the_users_time_zone(saved: Any, ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    assert ctx.json("policy", "set", "mine", "--keep-daily", "7")["rules"] == {
        "daily": 7,
        "zone": "America/Los_Angeles",
    }
    assert "daily 7 (America/Los_Angeles)" in ctx("policy").stdout
    monkeypatch.setenv("TZ", "UTC")
    assert ctx.json("forget", "--policy", "mine", "--dry-run")["policy"] == "daily 7 (America/Los_Angeles)"
    chosen = ctx.json("policy", "set", "other", "--keep-daily", "7", "--time-zone", "Asia/Kolkata")
    assert chosen["rules"]["zone"] == "Asia/Kolkata"


def test_a_policy_is_set_used_and_removed(saved: Any, ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    rules = ["--keep-last", "3", "--keep-daily", "7", "--keep-within", "36h", "--keep-tagged", "--max-age", "1y"]
    assert (
        "mine: last 3, daily 7, within 36h, tagged, nothing older than 1y"
        in ctx("policy", "set", "mine", *rules).stdout
    )
    again = ctx.json("policy", "set", "mine", *rules)
    assert again == {
        "name": "mine",
        "rules": {"last": 3, "daily": 7, "within": "36h", "max_age": "1y", "tagged": True},
        "changed": False,
    }
    assert "(unchanged)" in ctx("policy", "set", "mine", *rules).stdout
    ctx("forget", "--policy", "mine", "--dry-run")
    assert ctx.json("policy", "remove", "mine") == {"name": "mine", "removed": True}
    assert ctx.json("policy")["policies"] == [SESSION_BACKUP]


def test_every_change_is_a_run_that_can_be_undone(saved: Any, ctx: Any) -> None:
    ctx("policy", "set", "session-backup", "--keep-last", "3")
    ctx("policy", "auto", "session-backup")
    assert [run["note"] for run in ctx.json("log", "-n", "2")["runs"]] == ["auto session-backup", "set session-backup"]
    ctx("undo")
    ctx("undo")
    assert ctx.json("policy") == {"policies": [SESSION_BACKUP], "automatic": []}


def test_snapshots_apply_a_policy_until_told_not_to(saved: Any, ctx: Any) -> None:
    assert (
        "After each snapshot: policy session-backup for all contexts" in ctx("policy", "auto", "session-backup").stdout
    )
    value = ctx.json("policy", "auto", "session-backup", "chat/*")
    both = [{"pattern": "", "policy": "session-backup"}, {"pattern": "chat/*", "policy": "session-backup"}]
    assert value == {"automatic": both}
    assert "session-backup for chat/*" in ctx("policy").stderr
    assert ctx.json("policy", "auto", "--off") == {"automatic": []}
    assert "No automatic retention: snapshots never delete anything." in ctx("policy", "auto", "--off").stdout
    assert ctx("policy", "auto", "--off", "-q").stdout == ""


@pytest.mark.parametrize("value", [5, [None], [{"pattern": 1, "policy": "p"}], [{"pattern": "", "policy": "../p"}]])
def test_a_snapshot_succeeds_whatever_the_setting_says(saved: Any, ctx: Any, value: Any) -> None:
    with ctxstore.open(ctx.json("snapshot")["repository"]) as repo:
        change_setting(repo._engine, RETENTION, lambda _: value, "policy")
    with open(saved.transcript, "a") as file:
        file.write("{}\n")
    result = ctx("snapshot")
    assert "nothing was forgotten: " in result.stderr
    assert "1 commit" in result.stdout


def test_options_may_stand_before_the_subcommand(saved: Any, ctx: Any) -> None:
    assert '"removed"' not in ctx("--json", "policy", "set", "mine", "--keep-last", "1").stdout
    assert '"removed"' in ctx("policy", "--json", "remove", "mine").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "type", "message"),
    [
        (["nonsense"], 2, "UsageError", "no such command"),
        (["set"], 2, "UsageError", "missing argument"),
        (["set", "mine"], 2, "InvalidInput", "no retention rule given"),
        (["set", "mine", "--max-age", "1d"], 2, "InvalidInput", "a maximum age alone"),
        (["set", "my/own", "--keep-last", "1"], 2, "InvalidInput", "not a valid name for a policy"),
        (["set", "", "--keep-last", "1"], 2, "InvalidInput", "not a valid name for a policy"),
        (["set", "mine", "--keep-last", "0"], 2, "UsageError", "not in the range"),
        (["set", "mine", "--keep-within", "x"], 2, "InvalidInput", "not a duration"),
        (["set", "mine", "more", "--keep-last", "1"], 2, "UsageError", "unexpected extra argument"),
        (["remove"], 2, "UsageError", "missing argument"),
        (["remove", "none"], 3, "NotFound", "no policy 'none'"),
        (["remove", "session-backup"], 3, "NotFound", "built in"),
        (["remove", "a b"], 2, "InvalidInput", "not a valid name for a policy"),
        (["auto"], 2, "InvalidInput", "either a policy name or --off"),
        (["auto", "session-backup", "--off"], 2, "InvalidInput", "either a policy name or --off"),
        (["auto", "session-backup", "x" * 1025], 2, "InvalidInput", "too long"),
        (["auto", "none"], 3, "NotFound", "no policy 'none'"),
        (["auto", "session-backup", "a", "b"], 2, "UsageError", "unexpected extra argument"),
    ],
)
def test_wrong_arguments(saved: Any, ctx: Any, arguments: list[str], code: int, type: str, message: str) -> None:
    error = ctx.error("policy", *arguments, code=code)
    assert error["type"] == type and message in error["message"] and error["hint"]


def test_a_policy_that_snapshots_apply_is_a_conflict(saved: Any, ctx: Any) -> None:
    ctx("policy", "set", "mine", "--keep-last", "1")
    ctx("policy", "auto", "mine")
    assert "--off" in ctx.error("policy", "remove", "mine", code=4)["hint"]


def test_without_a_repository_it_says_so(home: Any, ctx: Any) -> None:
    assert ctx.error("policy", code=3)["type"] == "NotFound"
