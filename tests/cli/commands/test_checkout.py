"""``ctx checkout``: it asks before it overwrites, prints its plan, and restores exactly."""

from __future__ import annotations

import os
from typing import Any

from ctxstore.cli.tour.sample import CONTEXT, SESSION

KEY = f"projects/-home-ada-linkcheck/{SESSION}.jsonl"


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def test_to_a_new_folder_needs_no_question(saved: Any, ctx: Any) -> None:
    shown = ctx("checkout", SESSION, "--to", "out").stdout
    assert "create" in shown and "1 file written" in shown
    assert read(f"out/{KEY}") == read(saved.transcript)
    assert "Nothing to change: the files match." in ctx("checkout", SESSION, "--to", "out").stdout


def test_what_differs_is_overwritten_only_when_asked(saved: Any, ctx: Any) -> None:
    ctx("checkout", f"{SESSION}~1", "--to", "out")
    before = read(f"out/{KEY}")
    assert "--overwrite" in ctx.error("checkout", SESSION, "--to", "out", code=4)["hint"]
    assert read(f"out/{KEY}") == before
    ctx("checkout", SESSION, "--to", "out", "--overwrite")
    assert read(f"out/{KEY}") == read(saved.transcript)


def test_all_lays_the_home_out(saved: Any, ctx: Any) -> None:
    ctx("checkout", "--all", "--to", "out")
    assert read(f"out/.claude/{KEY}") == read(saved.transcript)
    assert os.path.exists("out/.claude/settings.json")


def test_all_at_a_time(saved: Any, ctx: Any) -> None:
    first = ctx.json("log")["runs"][1]["time_ns"]
    ctx("checkout", "--all", "--at", f"@{first}", "--to", "out")
    assert len(read(f"out/.claude/{KEY}")) < len(read(saved.transcript))
    ctx("checkout", "--all", "--at", "2001-01-01", "--to", "out", code=3)
    ctx("checkout", "--all", "--at", "soonish", "--to", "out", code=2)


def test_what_search_prints_is_where_a_new_session_ends(saved: Any, ctx: Any) -> None:
    message = ctx.json("show", "5f0c")["messages"][2]["id"]
    for line in ((f"5f0c#{message}",), (ctx.json("show", "5f0c")["commit"]["id"][:8] + "#2",)):
        session = ctx.json("checkout", *line)["session"]
        assert [each["id"] for each in ctx.json("show", session)["messages"]][-1] == message
    ctx("checkout", f"5f0c#{message}", "--at-message", message, code=2)
    ctx("checkout", "5f0c#", code=2)


def test_in_place_without_a_terminal_needs_yes(saved: Any, ctx: Any) -> None:
    before = read(saved.transcript)
    error = ctx.error("checkout", f"{SESSION}~1", code=2)
    assert "--yes" in error["hint"] and "--dry-run" in error["hint"]
    assert read(saved.transcript) == before


def test_in_place_saves_first_and_says_where(saved: Any, ctx: Any) -> None:
    before = read(saved.transcript)
    with open(saved.transcript, "ab") as file:
        file.write(b'{"type":"user","message":{"role":"user","content":"unsaved"}}\n')
    value = ctx.json("checkout", SESSION, "--yes")
    assert read(saved.transcript) == before
    assert value["in_place"] and value["executed"] and len(value["result"]["safety"]) == 64
    assert b"unsaved" in ctx("show", value["result"]["safety_commit"], "--raw").stdout_bytes
    assert b"unsaved" not in ctx("show", SESSION, "--raw").stdout_bytes


def test_the_question_is_asked_on_a_terminal(saved: Any, ctx: Any, terminal: Any) -> None:
    before = read(saved.transcript)
    terminal()
    assert "Nothing was changed." in ctx("checkout", f"{SESSION}~1", input="n\n", code=1).stdout
    assert read(saved.transcript) == before
    assert "[y/N]" in ctx("checkout", f"{SESSION}~1", input="y\n").stderr
    assert len(read(saved.transcript)) < len(before)


def test_a_dry_run_changes_nothing(saved: Any, ctx: Any) -> None:
    before = read(saved.transcript)
    assert "Dry run" in ctx("checkout", f"{SESSION}~1", "--dry-run").stdout
    value = ctx.json("checkout", f"{SESSION}~1", "--dry-run")
    assert set(value) == {
        "target",
        "in_place",
        "refs",
        "actions",
        "registrations",
        "session",
        "resume",
        "executed",
        "result",
        "unreadable",
        "left_out",
    }
    assert value["executed"] is False and value["refs"] == [CONTEXT]
    assert {action["verb"] for action in value["actions"]} == {"replace"}
    assert read(saved.transcript) == before


def test_contradicting_options_are_refused(saved: Any, ctx: Any) -> None:
    ctx("checkout", code=2)
    ctx("checkout", SESSION, "--all", "--to", "out", code=2)
    ctx("checkout", "--all", code=2)
    ctx("checkout", SESSION, "--at", "yesterday", code=2)
    ctx("checkout", SESSION, "--overwrite", code=2)
