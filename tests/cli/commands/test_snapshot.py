"""``ctx snapshot``: its output and its exit codes."""

from __future__ import annotations

import os
from typing import Any

import pytest

import ctxstore
from ctxstore.cli.tour.sample import CONTEXT, SESSION
from ctxstore.sources.protocol import Skipped


def test_it_tells_new_changed_and_unchanged(home: Any, ctx: Any) -> None:
    first = ctx("snapshot").stdout
    assert "Claude Code" in first and "new            2" in first and CONTEXT in first and "op:" in first
    home.write_second_turn()
    second = ctx("snapshot").stdout
    assert "changed        1" in second and "new            1" in second and "unchanged      1" in second


def test_nothing_new_is_said_and_stores_nothing(saved: Any, ctx: Any) -> None:
    assert "Nothing new since the last snapshot." in ctx("snapshot").stdout
    assert ctx.json("snapshot")["op"] is None
    assert len(ctx.json("log")["runs"]) == 2


def test_json_has_the_documented_shape(home: Any, ctx: Any) -> None:
    value = ctx.json("snapshot", "-m", "why")
    assert set(value) == {
        "repository", "op", "ops", "time", "time_ns", "duration_ns", "bytes_stored", "commits", "sources",
            "forgotten", "newly_forgotten", "secrets", "backup",
    }  # fmt: skip
    assert value["ops"] == [value["op"]]
    assert len(value["op"]) == 64 and value["time"].endswith("Z")
    assert {commit["ref"] for commit in value["commits"]} == {CONTEXT, "claude-code/home"}
    (source,) = value["sources"]
    assert set(source) == {
        "source", "agent", "root", "new", "changed", "unchanged", "vanished", "shrunk", "skipped",
        "bytes_read", "bytes_new", "damaged",
    }  # fmt: skip


def test_a_damaged_session_is_named_and_the_exit_code_is_5(saved: Any, ctx: Any) -> None:
    with ctxstore.open(ctx.json("stats")["repository"]) as repo:
        head = repo.find_ref(CONTEXT)
        assert head is not None
        location = repo._engine.store.index.find(head)
        assert location is not None
    path = os.path.join(repo.path, "packs", location.pack)
    saved.overwrite_transcript()
    with ctxstore.open(repo.path) as repo, repo.edit("chat/other") as draft:
        draft.messages.append({"role": "user", "content": "moves the list of contexts to another pack"})
        draft.commit()
    with open(path, "r+b") as file:
        file.seek(location.frame + location.stored // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    run = ctx("snapshot", code=5)
    assert f"{CONTEXT}: its commit {head.hex()[:8]} is damaged" in run.stderr
    assert "ctx repair" in run.stderr and "saved anew" in run.stderr
    assert ctx.json("snapshot")["sources"][0]["damaged"] == []
    assert "saved anew" in ctx("log", CONTEXT, code=5).stdout


def test_a_vanished_session_is_named_with_the_next_step(saved: Any, ctx: Any) -> None:
    saved.delete_transcript()
    shown = ctx("snapshot").stdout
    assert "vanished       1" in shown and f"ctx checkout {CONTEXT}\n" in shown
    assert ctx.json("snapshot")["sources"][0]["vanished"] == [CONTEXT]
    ctx("checkout", CONTEXT, "--yes")
    assert os.path.exists(saved.transcript)


def test_a_shrunk_session_is_named_with_the_next_step(saved: Any, ctx: Any) -> None:
    with open(saved.transcript, "rb") as file:
        before = file.read()
    good = ctx.json("log", SESSION)["commits"][0]["id"]
    saved.overwrite_transcript()
    shown = ctx("snapshot").stdout
    assert "shrunk         1" in shown and "12 → 1 messages" in shown
    assert f"to restore {good[:8]}: ctx checkout {CONTEXT}~1\n" in shown
    ctx("checkout", f"{CONTEXT}~1", "--yes")
    with open(saved.transcript, "rb") as file:
        assert file.read() == before


def test_one_context_is_told_in_full(saved: Any, ctx: Any) -> None:
    shown = ctx("snapshot", "--session", SESSION[:8]).stdout
    for word in ("context", "commit", "time", "type", "files", "size", "repository", "kept"):
        assert f"  {word:<10} " in shown
    assert f"{saved.path}/.local/share/ctxstore" in shown


def test_session_takes_only_that_session(home: Any, ctx: Any) -> None:
    assert [each["ref"] for each in ctx.json("snapshot", "--session", SESSION[:4])["commits"]] == [CONTEXT]
    assert ctx.error("snapshot", "--session", "feed", code=3)["message"] == "no session starts with 'feed'"


def test_a_kind_is_kept_in_the_commit(home: Any, ctx: Any) -> None:
    ctx("snapshot", "--kind", "incremental")
    assert ctx.json("log", SESSION)["commits"][0]["kind"] == "incremental"
    ctx("snapshot", "--kind", "daily", code=2)


def test_a_folder_is_saved_by_its_path(home: Any, ctx: Any) -> None:
    os.mkdir("notes")
    with open("notes/a.txt", "w") as file:
        file.write("a")
    os.mkfifo("notes/pipe")
    shown = ctx("snapshot", "notes").stdout
    assert "skipped        1" in shown and "a FIFO" in shown
    assert ctx("show", "notes", "a.txt").stdout_bytes == b"a"


def test_what_can_not_be_read_is_7_and_the_rest_is_saved(home: Any, ctx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctxstore.sources.claude_code.layout import ClaudeLayout

    find = ClaudeLayout.contexts

    def contexts(self: ClaudeLayout) -> Any:
        self.report(Skipped("/secret/place", "Permission denied"))
        return find(self)

    monkeypatch.setattr(ClaudeLayout, "contexts", contexts)
    result = ctx("snapshot", code=7)
    assert "warning: not saved: /secret/place: Permission denied" in result.stderr
    assert CONTEXT in result.stdout
    (skipped,) = ctx.json("snapshot", code=7)["sources"][0]["skipped"]
    assert skipped == {"path": "/secret/place", "reason": "Permission denied", "failed": True}


def test_no_agent_says_what_was_looked_for(home: Any, ctx: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "empty"))
    error = ctx.error("snapshot", code=3)
    assert "~/.claude" in error["hint"] and "ctx snapshot PATH" in error["hint"]
    assert not os.path.exists(tmp_path / "empty")


def test_an_unknown_source_is_3(home: Any, ctx: Any) -> None:
    assert "claude-code" in ctx("snapshot", "nonsense", code=3).stderr


def test_quiet_says_nothing(home: Any, ctx: Any) -> None:
    result = ctx("snapshot", "-q")
    assert result.output == ""


def test_a_sources_data_elsewhere_is_named_and_saved_again_from_then_on(home: Any, tmp_path: Any, ctx: Any) -> None:
    project = tmp_path / "engine"
    project.mkdir()
    (project / ".aider.chat.history.md").write_text("# aider chat started at 2026-01-01 10:00:00\n\n#### Oil it  \n")
    (commit,) = ctx.json("snapshot", f"aider:{project}")["commits"]
    assert commit["ref"].startswith("aider/") and commit["ref"].endswith("/chat")
    with open(project / ".aider.chat.history.md", "a") as file:
        file.write("\nOiled.\n")
    saved = {source["source"]: source for source in ctx.json("snapshot")["sources"]}
    assert saved["aider"]["changed"] == [commit["ref"]]
    assert ctx.json("show", commit["ref"])["messages"][-1]["role"] == "assistant"


def test_a_backup_is_read_back_and_a_policy_applies_to_it_alone(home: Any, ctx: Any) -> None:
    options = ("--session", CONTEXT, "--always", "--verify", "--policy", "session-backup")
    backup = ctx.json("snapshot", *options)["backup"]
    assert set(backup) == {"verified", "error", "policy", "forgotten"}
    assert (backup["error"], backup["policy"], backup["forgotten"]) == (None, "session-backup", 0)
    assert set(backup["verified"]) == {"files", "bytes", "values", "invalid"}
    assert sum(file["size"] for file in backup["verified"]["files"]) == backup["verified"]["bytes"] > 0
    shown = ctx("snapshot", *options).stdout
    assert "read back" in shown and "by policy session-backup: last 10" in shown
    assert ctx.json("snapshot")["backup"] is None
