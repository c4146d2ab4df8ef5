"""``ctx stats``, ``ctx gc``, ``ctx check``, ``ctx demo``, and progress."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from typing import Any

import pytest

from ctxstore.cli.render import progress
from ctxstore.cli.render.damage import problem_value, show_damage
from ctxstore.cli.render.format import format_count, format_duration, format_size
from ctxstore.cli.render.output import Output
from ctxstore.cli.tour.sample import SampleHome
from ctxstore.ids import ObjectId
from ctxstore.ops.check.check import CheckProblem
from ctxstore.ops.check.impact import DamagedPlace
from ctxstore.progress import SILENT

REPOSITORY = ".local/share/ctxstore"


def test_stats(saved: Any, ctx: Any) -> None:
    shown = ctx("stats").stdout
    assert "contexts      3" in shown and "BIGGEST CONTEXTS" in shown
    value = ctx.json("stats")
    assert value["commits"] == 4 and value["biggest"][0]["bytes"] > 0
    assert {"repository", "versions_bytes", "unique_bytes", "stored_bytes", "dedup_ratio"} <= set(value)


def test_gc_plans_and_collects(saved: Any, ctx: Any) -> None:
    assert "Would delete" in ctx("gc", "--dry-run").stdout
    plan = ctx.json("gc", "--dry-run")
    assert plan["dry_run"] is True
    assert {"live", "dead", "bytes_before", "remove", "rewrite", "litter", "frees"} <= set(plan)
    assert "Freed" in ctx("gc").stdout
    result = ctx.json("gc", "--recompress")
    assert set(result) == {"dry_run", "bytes_before", "bytes_after", "freed_now", "freed_later", "reason"}
    assert ctx.json("check", "--read-data")["ok"] is True


def test_check_says_that_all_is_well(saved: Any, ctx: Any) -> None:
    assert "no problems" in ctx("check").stdout
    assert ctx("check", "-q").stdout == ""
    assert set(ctx.json("check")) == {"ok", "problems", "packs", "objects", "commits", "bytes_read", "leftover"}


def test_check_is_5_and_names_the_damage(saved: Any, ctx: Any) -> None:
    packs = os.path.join(saved.path, REPOSITORY, "packs")
    path = max((os.path.join(packs, name) for name in os.listdir(packs)), key=os.path.getsize)
    with open(path, "r+b") as file:
        data = bytearray(file.read())
        data[20] ^= 0xFF
        file.seek(0)
        file.write(data)
    assert "problem" in ctx("check", "--read-data", code=5).stdout
    value = ctx.json("check", "--read-data", code=5)
    assert value["ok"] is False
    shape = {"kind", "what", "message", "refs", "commits", "commit_count", "places", "more_places"}
    assert {key for problem in value["problems"] for key in problem} == shape
    assert {"pack", "object"} == {problem["kind"] for problem in value["problems"]}


def test_damage_is_told_by_object_to_programs_and_by_context_to_people(capsys: Any) -> None:
    chunks = [("chat/a", DamagedPlace("file", "f", start, start + 10)) for start in (30, 10, 20, 90)]
    more = [
        ("chat/a", DamagedPlace("messages", "", 3, 4)),
        ("chat/b", DamagedPlace("memory", "k")),
        ("chat/b", DamagedPlace("tree", "")),
    ]
    ids = tuple(ObjectId(bytes([n]) * 32) for n in range(5))
    problems = [
        CheckProblem("object", "content 1", "missing", (place[0],), ids, 5, (place,), False) for place in chunks + more
    ]
    value = problem_value(problems[0])
    assert value["commits"][1] == "01" * 32
    assert value["places"] == [{"ref": "chat/a", "kind": "file", "path": "f", "start": 30, "stop": 40}]
    show_damage(Output(), [CheckProblem("pack", "p", "cut off", ()), *problems])
    assert capsys.readouterr().out.splitlines() == [
        "pack p: cut off",
        "7 objects: missing",
        "  affects chat/a (5 commits: 00000000, 01010101, 02020202 …)",
        "    file f, bytes 10–40",
        "    file f, bytes 90–100",
        "    message 3",
        "  affects chat/b (5 commits: 00000000, 01010101, 02020202 …)",
        "    memory k",
        "    all files, messages, memories",
    ]


@pytest.mark.parametrize("part", ["5", "0%", "4/3", "x"])
def test_check_refuses_what_is_no_part_of_the_data(part: str, saved: Any, ctx: Any) -> None:
    error = ctx.error("check", "--read-data", "--subset", part, code=2)
    assert part in error["message"] and "5%" in error["hint"]


def test_check_reads_a_part_only_with_read_data(saved: Any, ctx: Any) -> None:
    assert ctx.error("check", "--subset", "5%", code=2)["hint"] == "for example `ctx check --read-data --subset 5%`"
    whole = ctx.json("check", "--read-data")["bytes_read"]
    parts = [ctx.json("check", "--read-data", "--subset", f"{n}/2")["bytes_read"] for n in (1, 2)]
    assert sum(parts) == whole > 0
    assert ctx.json("check", "--read-data", "--subset", "100%")["bytes_read"] == whole


@pytest.fixture
def scratch(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return str(folder)


def test_demo_keeps_its_promises_and_touches_nothing(home: SampleHome, ctx: Any, scratch: str) -> None:
    environ, folder = dict(os.environ), os.getcwd()
    shown = ctx("demo").stdout
    for command in ("snapshot", "log", "refs", "log 5f0c2d1e", "diff 5f0c2d1e", "check --read-data", "stats"):
        assert f"\n$ ctx {command}\n" in shown
    assert shown.count("identical, byte for byte") == 2
    assert "vanished" in shown and "shrunk" in shown
    assert os.listdir(scratch) == []
    assert (dict(os.environ), os.getcwd()) == (environ, folder)
    assert not os.path.exists(f"{home.path}/.local")


def test_demo_keeps_its_folder_on_request(home: SampleHome, ctx: Any, scratch: str) -> None:
    value = ctx.json("demo", "--keep")
    assert value["ok"] is True and os.path.isdir(value["folder"])
    assert all(step["exit_code"] == 0 and step["output"] for step in value["steps"])


def test_demo_fails_when_a_promise_is_broken(
    home: SampleHome, ctx: Any, scratch: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctxstore.cli.tour.guide.Tour._is_flagged", lambda self: False)
    error = ctx.error("demo", code=1)
    assert "did not mark" in error["message"] and scratch in error["hint"]


def test_progress_is_silent_in_pipes_and_for_short_work(monkeypatch: pytest.MonkeyPatch) -> None:
    with progress.show_progress(quiet=False) as silent:
        assert silent is SILENT
    monkeypatch.setattr("ctxstore.cli.render.progress.is_terminal", lambda stream: True)
    with progress.show_progress(quiet=True) as silent:
        assert silent is SILENT
    with progress.show_progress(quiet=False) as bar:
        assert isinstance(bar, progress.Bar)
        bar.start("snapshot", 10)
        bar.advance(10)
        bar.done()
        assert bar._shown is None


def test_progress_of_long_work_shows_bytes_or_things(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "DELAY", 0)
    monkeypatch.setattr(progress, "INTERVAL", 0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr("ctxstore.cli.render.progress.is_terminal", lambda stream: True)
    with progress.show_progress(quiet=False) as bar:
        assert isinstance(bar, progress.Bar)
        for what, total in (("check packs", 10), ("mark (commits)", None), ("snapshot", 0)):
            bar.start(what, total)
            bar.advance(5)
            assert bar._shown is not None
            assert [task.completed for task in bar._shown.tasks] == [5]
            bar.done()
    assert bar._shown is None


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1024**2 - 1, "1.0 MiB"), (3 << 30, "3.0 GiB")]
)
def test_sizes(size: int, text: str) -> None:
    assert format_size(size) == text


def test_durations_and_counts() -> None:
    assert format_duration(1) == "1 ms" and format_duration(12_300_000_000) == "12.3 s"
    assert format_duration(192_000_000_000) == "3 min 12 s"
    assert format_count(1, "file") == "1 file" and format_count(1234, "file") == "1,234 files"
    assert format_count(0, "entry", "entries") == "0 entries"
