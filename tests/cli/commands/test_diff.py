"""``ctx diff``."""

from __future__ import annotations

from typing import Any

import ctxstore
from ctxstore.cli.tour.sample import CONTEXT, SESSION


def test_one_revision_is_compared_with_its_parent(saved: Any, ctx: Any) -> None:
    shown = ctx("diff", SESSION).stdout
    assert "messages: 4 added" in shown and "  + assistant  Bash pytest -q" in shown
    assert "files: 1 change" in shown
    assert shown == ctx("diff", f"{SESSION}~1", SESSION).stdout


def test_the_first_commit_has_nothing_before_it(saved: Any, ctx: Any) -> None:
    assert "ctx show" in ctx.error("diff", f"{SESSION}~1", code=3)["hint"]


def test_stat_counts_only(saved: Any, ctx: Any) -> None:
    shown = ctx("diff", SESSION, "--stat").stdout
    assert "4 added" in shown and "Bash" not in shown


def test_patch_shows_lines_and_whole_messages(saved: Any, ctx: Any) -> None:
    shown = ctx("diff", SESSION, "--patch").stdout
    assert "@@ " in shown and "1 failed, 13 passed" in shown
    assert "patch" in ctx.json("diff", SESSION, "--patch")["files"][0]


def test_the_same_revision_differs_in_nothing(saved: Any, ctx: Any) -> None:
    assert "No difference." in ctx("diff", SESSION, SESSION).stdout


def test_json_has_the_documented_shape(saved: Any, ctx: Any) -> None:
    value = ctx.json("diff", SESSION)
    assert list(value) == [
        "old",
        "new",
        "added",
        "removed",
        "edited",
        "rerooted",
        "memories",
        "files",
        "records",
        "subagents",
    ]
    assert value["old"]["ref"] == CONTEXT and value["new"]["parents"] == [value["old"]["id"]]
    assert len(value["added"]) == 4
    assert value["files"][0]["status"] == "changed"
    assert value["files"][0]["old"]["size"] < value["files"][0]["new"]["size"]


def test_edits_removals_and_memories_of_a_program(home: Any, ctx: Any) -> None:
    ctx("init")
    with ctxstore.open(".ctx") as repo:
        draft = repo.edit("chat/alice")
        for text in ("one", "two", "three"):
            draft.messages.append({"role": "user", "id": text, "content": text})
        draft.memories["mood"] = "curious"
        draft.memories["old"] = 1
        draft.commit()
        draft.messages[1] = {"role": "user", "id": "two", "content": "changed"}
        del draft.messages[2]
        draft.memories["mood"] = "calm"
        del draft.memories["old"]
        draft.commit()
    shown = ctx("diff", "alice").stdout
    assert "1 removed, 1 edited" in shown and "  - user       three" in shown and "  ~ user       changed" in shown
    assert "memories: 2 changes" in shown and '    - "curious"' in shown and '    + "calm"' in shown
    memories = {change["key"]: change for change in ctx.json("diff", "alice")["memories"]}
    assert memories["old"]["new"] is None and memories["mood"]["new"] == {"text": '"calm"'}
