"""``ctx repair`` and ``ctx recover``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import ctxstore

REPOSITORY = Path(".local/share/ctxstore")
REPORT = {
    "ok",
    "executed",
    "root",
    "config",
    "packs",
    "taken",
    "gaps",
    "changes",
    "forgotten",
    "kept_tags",
    "quarantined",
    "problems",
}


@pytest.fixture
def place(saved: Any) -> Path:
    return Path(saved.path) / REPOSITORY


@pytest.fixture
def copy(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place, tmp_path / "copy"))


def damage(place: Path) -> str:
    """Flips a byte in the pack of the newest run, and returns the pack's name."""
    pack = max((place / "packs").iterdir(), key=os.path.getmtime)
    data = bytearray(pack.read_bytes())
    data[100] ^= 0x10
    pack.write_bytes(data)
    return pack.name


def lose_agents_files(saved: Any) -> None:
    shutil.rmtree(Path(saved.path) / ".claude")


def test_a_sound_repository_needs_no_repair(place: Path, ctx: Any) -> None:
    assert ctx("repair").stdout == "Nothing to repair: no data is missing or damaged.\n"
    assert ctx("repair", "-q").stdout == ""
    report = ctx.json("repair")
    assert set(report) == REPORT and report["ok"] is True and report["packs"] == []


def test_one_context_that_cannot_be_read_hides_no_other(saved: Any, place: Path, ctx: Any) -> None:
    with ctxstore.open(place) as repo:
        known = [name for name, _ in repo.refs()]
        before = set((place / "packs").iterdir())
        draft = repo.edit("a/lost")
        draft.messages.append("x")
        draft.commit()
        (pack,) = set((place / "packs").iterdir()) - before
        repo.tag("later", known[0])
    pack.unlink()
    shown = ctx("refs", code=3)
    assert all(name in shown.stdout for name in known) and "error: a/lost: " in shown.stderr


def test_a_lost_root_is_told_by_every_command_and_repaired(place: Path, ctx: Any) -> None:
    (place / "root").unlink()
    error = ctx.error("log", code=5)
    assert "root" in error["message"] and "ctx repair" in error["hint"]
    assert "recreated" in ctx("repair").stdout
    assert ctx.json("check", "--read-data")["ok"] is True


def test_what_is_lost_is_5_and_a_copy_brings_it_back(place: Path, saved: Any, copy: Path, ctx: Any) -> None:
    lose_agents_files(saved)
    name = damage(place)
    dry = ctx.json("repair", "--dry-run", code=5)
    assert dry["executed"] is False and (place / "packs" / name).exists()
    shown = ctx("repair", code=5).stdout
    assert "not recovered" in shown and f"moved to quarantine/{name}" in shown
    report = ctx.json("repair", "--from", str(copy))
    assert report["ok"] is True and report["executed"] is True
    assert list(report["taken"]) == [str(copy)] and report["problems"] == []
    assert ctx.json("check", "--read-data")["ok"] is True


def test_damaged_commits_are_forgotten_only_when_told_to(place: Path, saved: Any, ctx: Any) -> None:
    lose_agents_files(saved)
    name = damage(place)
    first = ctx.json("repair", code=5)
    assert first["forgotten"] == [] and set(first["packs"][0]) == {"name", "problem", "saved", "lost"}
    assert first["packs"][0]["name"] == name
    shape = {"kind", "what", "message", "refs", "commits", "commit_count", "places", "more_places"}
    assert set(first["problems"][0]) == shape
    assert "the newest run is lost" in first["problems"][0]["message"]
    second = ctx.json("repair", "--forget-damaged")
    assert second["ok"] is True
    assert ctx.json("check", "--read-data")["ok"] is True
    ctx("gc")


def test_repair_is_told_what_is_wrong_with_its_arguments(place: Path, home: Any, ctx: Any) -> None:
    assert ctx.error("repair", "--from", "/none", code=3)["message"] == "there is no repository at /none"
    assert ctx.error("repair", "--repo", "/none", code=3)["message"] == "there is no repository at /none"
    Path("folder").mkdir()
    assert "not a ctxstore repository" in ctx.error("repair", "--from", "folder", code=3)["message"]
    assert "not a ctxstore repository" in ctx.error("repair", "--repo", "folder", code=3)["message"]
    assert ctx.error("repair", "--dry-run=1", code=2)["type"] == "UsageError"
    assert ctx.error("repair", "argument", code=2)["type"] == "UsageError"


def test_a_log_shows_what_can_be_read_and_then_what_is_wrong(place: Path, saved: Any, ctx: Any) -> None:
    session = next(found["name"] for found in ctx.json("refs")["refs"] if found["commit"]["parents"])
    first = min((place / "packs").iterdir(), key=lambda path: (path.stat().st_size < 500, path.stat().st_mtime))
    first.unlink()
    result = ctx("log", session, code=3)
    assert len(result.stdout.splitlines()) == 1 and "error" in result.stderr
    assert ctx("repair", code=5).stdout
    ctx("repair", "--forget-damaged")
    assert len(ctx("log", session).stdout.splitlines()) == 1


def test_nothing_to_recover(place: Path, ctx: Any) -> None:
    result = ctx("recover")
    assert result.stdout == "" and "No unreachable commits" in result.stderr
    assert ctx.json("recover") == {"commits": []}
    assert ctx.error("recover", "argument", code=2)["type"] == "UsageError"


def test_what_was_dropped_is_listed_and_brought_back_as_told(place: Path, ctx: Any) -> None:
    ctx("drop", "claude-code/home")
    result = ctx("recover")
    assert "claude-code/home" in result.stdout and "ctx fork" in result.stderr
    (found,) = ctx.json("recover")["commits"]
    assert set(found) == {"id", "commit", "commits", "state", "forgotten", "in_log", "command"}
    assert (found["state"], found["forgotten"], found["in_log"]) == ("whole", "", True)
    assert found["id"][:8] in result.stderr
    ctx(*found["command"].removeprefix("ctx ").replace("NAME", "home/back").split())
    assert ctx.json("recover") == {"commits": []}
    assert len(ctx.json("recover", "--all")["commits"]) == 0
