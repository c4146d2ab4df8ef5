"""``ctx show``: conversations, files, runs, folded output, and control characters that no terminal receives."""

from __future__ import annotations

import json
import os
from typing import Any

import ctxstore
from ctxstore.cli.render.conversation import FOLDED_LINES, fold, part_preview, short_time
from ctxstore.cli.repository import default_path
from ctxstore.cli.tour.sample import CONTEXT, SESSION
from ctxstore.sources.protocol import Part

KEY = f"projects/-home-ada-linkcheck/{SESSION}.jsonl"


def test_a_conversation_has_headings_tool_calls_and_folded_output(saved: Any, ctx: Any) -> None:
    shown = ctx("show", SESSION).stdout
    assert f"context   {CONTEXT}\n" in shown
    assert "\nuser  20" in shown and "\nassistant  20" in shown and "\ntool  20" in shown
    assert "  The checker reports pages" in shown
    assert "  ~ A redirect or the normalising" in shown
    assert "  > Bash pytest -q\n" in shown
    assert "  | … 3 more lines\n" in shown and "1 failed, 13 passed" not in shown


def test_full_folds_nothing(saved: Any, ctx: Any) -> None:
    shown = ctx("show", SESSION, "--full").stdout
    assert "1 failed, 13 passed" in shown and '"description": "Run the tests"' in shown


def test_raw_is_the_exact_transcript(saved: Any, ctx: Any) -> None:
    with open(saved.transcript, "rb") as file:
        content = file.read()
    assert ctx("show", SESSION, "--raw").stdout_bytes == content
    assert ctx("show", SESSION, KEY).stdout_bytes == content
    assert ctx("show", SESSION, KEY, "--raw").stdout_bytes == content
    assert len(ctx("show", f"{SESSION}~1", "--raw").stdout_bytes) < len(content)


def test_without_messages_the_files_are_listed(saved: Any, ctx: Any) -> None:
    assert "settings.json" in ctx("show", "claude-code/home").stdout
    assert KEY in ctx("show", SESSION, "--files").stdout


def test_json_has_the_documented_shape(saved: Any, ctx: Any) -> None:
    value = ctx.json("show", SESSION)
    assert list(value) == ["ref", "commit", "tags", "files", "memories", "messages", "subagents"]
    assert value["files"][0]["path"] == KEY and value["files"][0]["kind"] == "file"
    assert len(value["messages"]) == 12
    assert list(value["messages"][0]) == ["id", "role", "time", "parent", "model", "parts"]
    file = ctx.json("show", "claude-code/home", "settings.json")
    assert json.loads(file["text"])["model"] == "claude-sonnet-4-5"


def test_a_run_is_shown_by_its_id(saved: Any, ctx: Any) -> None:
    run = ctx.json("log")["runs"][0]
    shown = ctx("show", f"op:{run['id'][:8]}").stdout
    assert run["id"] in shown and CONTEXT in shown and "the second turn" in shown
    assert ctx.json("show", f"op:{run['id'][:8]}") == run


def test_unknown_things_are_3(saved: Any, ctx: Any) -> None:
    assert "ctx refs" in ctx("show", "nonsense", code=3).stderr
    assert "--files" in ctx("show", SESSION, "nonsense", code=3).stderr
    ctx("show", "op:ffffffff", code=3)
    ctx("show", f"{SESSION}~9", code=3)


def test_stored_escape_sequences_never_reach_the_output(home: Any, ctx: Any, terminal: Any) -> None:
    evil = "\x1b]0;owned\x07 \x9b2J \u202egnp.exe\r\x08"
    ctx("init")
    with ctxstore.open(".ctx") as repo:
        draft = repo.edit("chat/evil")
        draft.messages.append({"role": "user", "content": evil})
        draft.messages.append({"role": "tool", "content": evil, "model": evil})
        draft.messages.append({"role": "assistant", "tool_calls": [{"function": {"name": evil, "arguments": evil}}]})
        draft.files.put("evil.txt", evil.encode())
        draft.memories[evil] = "x"
        draft.commit(title=evil, note=evil)
    terminal()
    for arguments in (
        ["show", "evil"], ["show", "evil", "--full"], ["show", "evil", "evil.txt"], ["log", "evil"],
        ["refs"], ["export", "evil", "-f", "markdown"], ["show", "evil", "--files"], ["log"],
    ):  # fmt: skip
        shown = ctx(*arguments).stdout
        plain = shown
        for code in ("0", "1", "2", "31", "32", "33", "34", "36", "1;34", "1;32", "1;33", "1;36"):
            plain = plain.replace(f"\x1b[{code}m", "")
        assert not set(plain) & set("\x1b\x07\x9b\u202e\r\x08"), arguments


def test_colours_are_for_terminals_that_want_them(saved: Any, ctx: Any, terminal: Any, monkeypatch: Any) -> None:
    assert "\x1b" not in ctx("log").stdout
    terminal()
    assert "\x1b[33m" in ctx("log").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in ctx("log").stdout


def test_a_programs_messages_are_read_too(home: Any, ctx: Any) -> None:
    ctx("snapshot")
    with ctxstore.open(default_path()) as repo:
        draft = repo.edit("chat/alice")
        draft.messages.append({"role": "user", "content": "lone \ud800 surrogate"})
        draft.memories["mood"] = "curious"
        draft.commit()
    assert "lone \\ud800 surrogate" in ctx("show", "chat/alice").stdout
    assert ctx.json("show", "chat/alice")["messages"][0]["parts"][0]["text"] == "lone \ud800 surrogate"
    assert json.loads(ctx("show", "chat/alice", "--raw").stdout)["role"] == "user"
    assert ctx.json("show", "chat/alice")["memories"] == ["mood"]


def test_folding_keeps_the_first_lines_and_counts_the_rest() -> None:
    shown, more = fold("\n".join(map(str, range(100))))
    assert len(shown) == FOLDED_LINES and more == "90 more lines"
    assert fold("\n".join("x" * (FOLDED_LINES + 1)))[1] == ""
    assert fold("x" * 500)[0][0].endswith("… 100 more characters")


def test_a_tool_call_is_told_by_its_telling_argument() -> None:
    assert part_preview(Part("tool_use", name="Read", data={"limit": 3, "file_path": "/a"})) == "Read /a"
    assert part_preview(Part("tool_use", name="Odd", data={"x": 1})) == 'Odd {"x": 1}'
    assert part_preview(Part("tool_use", name="None", data={})) == "None"


def test_times_that_are_none_are_shown_as_found() -> None:
    assert short_time("yesterday") == "yesterday" and short_time(None) == ""
    assert short_time("2026-01-02T03:04:05Z").startswith("2026-01-0")


def test_a_folder_in_a_commit_is_listed_not_read(home: Any, ctx: Any) -> None:
    os.makedirs("notes/deep")
    os.symlink("nowhere", "notes/link")
    ctx("snapshot", "notes")
    assert "folder  deep" in ctx("show", "notes", "deep").stdout
    assert "link → nowhere" in ctx("show", "notes", "link").stdout
    ctx("show", "notes", "deep", "--raw", code=3)
