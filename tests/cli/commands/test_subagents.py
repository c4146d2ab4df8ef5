"""The messages of subagents: shown, searched, compared and exported with their session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ctxstore.cli.tour.sample import CONTEXT, SESSION

WORKFLOW = "subagents/workflows/wf_1/agent-b.jsonl"


def line(id: str, role: str, text: str) -> str:
    message = {"role": role, "content": [{"type": "text", "text": text}]}
    return json.dumps({"type": role, "uuid": id, "isSidechain": True, "sessionId": SESSION, "message": message}) + "\n"


@pytest.fixture
def folder(home: Any, ctx: Any) -> Path:
    """Saves the session twice: a subagent answers in between. Returns the session's folder."""
    folder = Path(home.transcript).with_suffix("")
    for name, text in (("subagents/agent-a.jsonl", "find the walrus"), (WORKFLOW, "check the quokka")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(line(f"id-of-{name[-7]}", "user", text))
    ctx("init")
    ctx("snapshot")
    with (folder / "subagents/agent-a.jsonl").open("a") as file:
        file.write(line("id-of-answer", "assistant", "It sleeps in the cache."))
    ctx("snapshot")
    return folder


def test_search_names_the_file_and_show_finds_the_message(folder: Path, ctx: Any) -> None:
    for word, file in (("walrus", "agent-a.jsonl"), ("quokka", WORKFLOW), ("sleeps", "agent-a.jsonl")):
        (hit,) = ctx.json("search", word)["hits"]
        assert hit["file"].endswith(file) and hit["contexts"][0]["ref"] == CONTEXT
        assert file in ctx("search", word).stdout
        shown = ctx.json("show", f"{hit['contexts'][0]['last']['commit']}#{hit['message']['id']}")
        assert [(each["id"], each["file"]) for each in shown["messages"]] == [(hit["message"]["id"], hit["file"])]


def test_a_message_that_a_subagent_lost_is_still_found(folder: Path, ctx: Any) -> None:
    (folder / "subagents/agent-a.jsonl").unlink()
    ctx("snapshot")
    (hit,) = ctx.json("search", "walrus")["hits"]
    assert not hit["contexts"][0]["current"]


def test_show_prints_them_after_the_conversation(folder: Path, ctx: Any) -> None:
    shown = ctx("show", SESSION).stdout
    assert shown.index("find the walrus") < shown.index("It sleeps") < shown.index("check the quokka")
    value = ctx.json("show", SESSION)
    assert [len(each["messages"]) for each in value["subagents"]] == [2, 1]
    assert len(value["messages"]) == value["commit"]["messages"]


def test_diff_lists_them_apart(folder: Path, ctx: Any) -> None:
    (changed,) = ctx.json("diff", SESSION)["subagents"]
    assert [each["id"] for each in changed["added"]] == ["id-of-answer"] and not changed["removed"]
    assert "agent-a.jsonl: 1 added" in ctx("diff", SESSION).stdout


def test_every_export_has_them(folder: Path, ctx: Any) -> None:
    value = json.loads(ctx("export", SESSION).stdout)
    said = [each for subagent in value["subagents"] for each in subagent["messages"]]
    assert [each["id"] for each in said] == ["id-of-a", "id-of-answer", "id-of-b"]
    lines = [json.loads(each) for each in ctx("export", SESSION, "--format", "jsonl").stdout.splitlines()]
    assert [each["id"] for each in lines if each["type"] == "subagent"] == [each["id"] for each in said]
    markdown = ctx("export", SESSION, "--format", "markdown").stdout
    assert markdown.count("\n# Subagent ") == 2 and "It sleeps in the cache." in markdown


def test_a_session_of_which_only_a_subagent_is_left_is_shown(folder: Path, home: Any, ctx: Any) -> None:
    Path(home.transcript).unlink()
    ctx("snapshot")
    assert "find the walrus" in ctx("show", SESSION).stdout
