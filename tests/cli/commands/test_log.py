"""``ctx log``, ``ctx refs``, and the graph."""

from __future__ import annotations

from typing import Any

import ctxstore
from ctxstore.cli.render.graph import draw
from ctxstore.cli.repository import default_path
from ctxstore.cli.tour.sample import CONTEXT, SESSION


def test_runs_are_listed_newest_first(saved: Any, ctx: Any) -> None:
    first, second = ctx("log").stdout.splitlines()
    assert "the second turn" in first and "2 contexts" in first
    assert second.startswith("op:")
    assert [run["note"] for run in ctx.json("log")["runs"]] == ["the second turn", ""]


def test_commits_of_a_context_tell_how_it_grew(saved: Any, ctx: Any) -> None:
    first, second = ctx("log", SESSION).stdout.splitlines()
    assert "12 messages (+4)" in first and "8 messages" in second
    newest, oldest = ctx.json("log", SESSION)["commits"]
    assert newest["parents"] == [oldest["id"]]
    assert newest["messages"] == 12 and newest["time"].endswith("Z") and newest["ref"] == CONTEXT


def test_a_limit_says_that_there_is_more(saved: Any, ctx: Any) -> None:
    result = ctx("log", "-n", "1")
    assert len(result.stdout.splitlines()) == 1 and "-n 0" in result.stderr
    assert ctx.json("log", "-n", "1")["more"] is True
    assert ctx.json("log", "-n", "2")["more"] is False
    assert len(ctx.json("log", "-n", "0")["runs"]) == 2


def test_graph_of_runs_lists_what_each_changed(saved: Any, ctx: Any) -> None:
    assert CONTEXT in ctx("log", "--graph").stdout


def test_graph_of_commits_has_a_node_each(saved: Any, ctx: Any) -> None:
    assert all(line.startswith("● ") for line in ctx("log", SESSION, "--graph").stdout.splitlines())


def test_a_merge_is_drawn_with_both_lines() -> None:
    nodes = [(b"m", (b"a", b"b")), (b"b", (b"o",)), (b"a", (b"o",)), (b"o", ())]
    rows = [row.rstrip() for row, _ in draw(nodes)]
    assert rows == ["●", "├─╮", "│ ●", "● │", "├─╯", "●"]


def test_lines_that_do_not_meet_are_drawn_side_by_side() -> None:
    rows = [row.rstrip() for row, _ in draw([(b"a", (b"c",)), (b"b", (b"d",)), (b"c", ()), (b"d", ())])]
    assert rows == ["●", "│ ●", "● │", "●"]


def test_refs_is_a_table_of_contexts(saved: Any, ctx: Any) -> None:
    header, *rows = ctx("refs").stdout.splitlines()
    assert header.split("  ")[0] == "CONTEXT" and header.endswith("LAST CHANGE")
    assert len(rows) == 3
    session = next(row for row in rows if CONTEXT in row)
    assert "The checker reports" in session and "Claude Code" in session and "12" in session


def test_refs_takes_a_pattern(saved: Any, ctx: Any) -> None:
    assert [ref["name"] for ref in ctx.json("refs", "*/home")["refs"]] == ["claude-code/home"]
    assert [ref["name"] for ref in ctx.json("refs", SESSION[:8])["refs"]] == [CONTEXT]
    assert "No context matches 'zzz'" in ctx("refs", "zzz").stderr


def test_a_title_can_not_break_the_table(home: Any, ctx: Any) -> None:
    ctx("snapshot")
    with ctxstore.open(default_path()) as repo:
        draft = repo.edit("chat/odd")
        draft.messages.append({"role": "user", "content": "x"})
        draft.commit(title="two\nlines \x1b]0;owned\x07 and 漢字" * 9)
    _, *rows = ctx("refs").stdout.splitlines()
    assert len(rows) == 3 and "\x1b" not in "".join(rows)
    assert "…" in next(row for row in rows if row.startswith("chat/odd"))
