"""``ctx search`` and ``ctx show REV#MESSAGE`` from end to end."""

from __future__ import annotations

import json
import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ctxstore.cli.tour.sample import CONTEXT
from ctxstore.sources.agents import AGENTS


def test_a_hit_shows_message_words_and_commits(saved, ctx):
    output = ctx("search", "slash").stdout
    assert re.search(r"^[0-9a-f]{8}#\S+  \d{4}-", output, re.MULTILINE)
    assert "to now" in output


def test_json_names_message_snippet_and_commits(saved, ctx):
    word = ctx.json("show", CONTEXT)["messages"][0]["parts"][0]["text"].split()[0]
    value = ctx.json("search", word)
    hit = value["hits"][-1]
    start, stop = hit["marks"][0]
    assert hit["snippet"][start:stop].lower() == word.strip(".,").lower()
    (context,) = hit["contexts"]
    assert context["current"]
    assert context["commits"] == 2
    assert ctx.json("log", context["ref"])["commits"][-1]["id"] == context["first"]["commit"]
    shown = ctx.json("show", f"{context['last']['commit']}#{hit['message']['id']}")
    assert shown["messages"][0]["id"] == hit["message"]["id"]


def test_agents_own_records_are_found_when_they_are_asked_for(home, ctx):
    folder = Path(home.claude, "projects/-home-ada-engine")
    folder.mkdir(parents=True, exist_ok=True)
    record = {"type": "queue-operation", "content": "Oil the xylophone", "sessionId": "s"}
    said = {"type": "user", "uuid": "u", "message": {"role": "user", "content": "Oil the xylophone"}}
    (folder / "s.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (record, said)))
    ctx("snapshot")
    roles = [hit["message"]["role"] for hit in ctx.json("search", "xylophone")["hits"]]
    assert roles == ["user"]
    roles = [hit["message"]["role"] for hit in ctx.json("search", "xylophone", "--role", "meta")["hits"]]
    assert roles == ["meta"]


def test_nothing_found_is_no_error(saved, ctx):
    result = ctx("search", "xyzzyplugh")
    assert result.stdout == ""
    assert "No message found" in result.stderr
    assert ctx.json("search", "xyzzyplugh") == {"hits": [], "more": False, "problems": [], "behind": False}


def test_the_index_alone_is_brought_up_to_date(saved, ctx):
    assert "up to date" in ctx("search", "--index").stdout
    assert "up to date" in ctx("search", "--index", "--rebuild").stdout


def test_words_and_index_exclude_each_other(saved, ctx):
    ctx.error("search", code=2)
    ctx.error("search", "word", "--index", code=2)


def test_a_message_is_shown_by_id_start_of_it_and_number(saved, ctx):
    messages = ctx.json("show", CONTEXT)["messages"]
    id = messages[2]["id"]
    for name in (id, id[:-1], "2"):
        (shown,) = ctx.json("show", f"{CONTEXT}#{name}")["messages"]
        assert (shown["id"], shown["number"], shown["asked"]) == (id, 2, True)


def test_a_messages_bytes_are_exact(saved, ctx):
    whole = ctx("show", CONTEXT, "--raw").stdout_bytes
    numbers = range(len(ctx.json("show", CONTEXT)["messages"]))
    assert b"".join(ctx("show", f"{CONTEXT}#{at}", "--raw").stdout_bytes for at in numbers) == whole


def test_neighbours_are_shown_around_it(saved, ctx):
    shown = ctx.json("show", f"{CONTEXT}#2", "-C", "1")["messages"]
    assert [(each["number"], each["asked"]) for each in shown] == [(1, False), (2, True), (3, False)]
    assert [each["number"] for each in ctx.json("show", f"{CONTEXT}#0", "-C", "1")["messages"]] == [0, 1]


def test_messages_that_are_not_there_are_named(saved, ctx):
    assert "999" in ctx.error("show", f"{CONTEXT}#999", code=3)["message"]
    ctx.error("show", f"{CONTEXT}#nope", code=3)
    ctx.error("show", f"{CONTEXT}#", code=2)
    ctx.error("show", "#1", code=2)
    ctx.error("show", f"{CONTEXT}#1", "--files", code=2)
    ctx.error("show", f"{CONTEXT}#1", "a-path", code=2)
    ctx.error("show", CONTEXT, "-C", "1", code=2)


def test_an_ambiguous_start_of_an_id_is_refused(home, ctx):
    import ctxstore

    ctx("snapshot")
    with ctxstore.open(ctx.json("stats")["repository"]) as repo:
        draft = repo.edit("chat/alice")
        for id in ("abc1", "abc2", "b"):
            draft.messages.append({"role": "user", "id": id, "content": "hello"})
        draft.commit()
    assert "abc2" in ctx.error("show", "chat/alice#abc", code=2)["message"]
    assert ctx.json("show", "chat/alice#abc1")["messages"][0]["number"] == 0
    assert ctx.json("show", "chat/alice#2")["messages"][0]["id"] == "b"


@pytest.mark.parametrize("agent", sorted(AGENTS.keys() - {"directory", "flowloom"}))
def test_what_search_shows_of_any_agent_show_finds(agent: str, home: Any, ctx: Any) -> None:
    import_module(f"tests.sources.homes.{agent.replace('-', '_')}").make(Path(os.environ["HOME"]))
    ctx("snapshot", agent)
    hits = ctx.json("search", "oil OR wind OR wheels", "-n", "0")["hits"]
    assert hits
    for hit in hits:
        shown = ctx.json("show", f"{hit['contexts'][0]['last']['commit']}#{hit['message']['id']}")
        (message,) = (each for each in shown["messages"] if each["asked"])
        assert [message[name] for name in ("id", "role", "time")] == list(hit["message"].values())[:3]
