"""The commands in the real aider, without a terminal."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.clients.model.server import ModelServer
from tests.integrations.aider.conftest import Chat

EDIT = "a.py\n```\nprint(2)\n```\n"


def said(text: str) -> str:
    """Joins the lines of aider's output that aider wrapped."""
    return " ".join(text.split())


def test_after_a_load_the_next_request_has_the_messages_that_were_saved_and_the_new_one(
    chat: Chat, model: ModelServer
) -> None:
    model.say(f"I edit it.\n\n{EDIT}")
    chat.type("one", "two", "/context_backup", "three", "/context_load context", "four")
    first, second, third, fourth = model.conversations()
    assert fourth[:-1] == third[:-1] and len(third) > len(second) > len(first)
    assert [turn.text for turn in fourth[-3:]] == ["two", "REPLY 2", "four"]
    assert (chat.project / "a.py").read_text() == "print(2)\n"


def test_another_run_goes_on_from_a_backup_with_its_files_turned_back(chat: Chat, model: ModelServer) -> None:
    model.say(f"I edit it.\n\n{EDIT}")
    chat.type("one", "two", "/context-backup before", "three")
    (chat.project / "a.py").write_text("print('broken')\n")
    (chat.project / "notes.md").unlink()
    out = chat.type("/context-load before --files", "four", arguments=())
    third, fourth = model.conversations()[2:]
    assert fourth[:-1] == third[:-1], said(out.stdout)
    assert fourth[-1].text == "four"
    assert (chat.project / "a.py").read_text() == "print(2)\n"
    assert (chat.project / "notes.md").read_text() == "be brief\n"
    kept = chat.view("before-load")
    assert kept.read("files/a.py") == b"print('broken')\n" and list(kept.messages) == []


def test_a_backup_is_a_commit_of_all_there_is(chat: Chat, model: ModelServer, tmp_path: Path) -> None:
    model.say(f"I edit it.\n\n{EDIT}")
    (tmp_path / "elsewhere.txt").write_bytes(b"from elsewhere")
    chat.type("one", "two", "/context_backup", arguments=("--read", str(tmp_path / "elsewhere.txt"), "a.py"))
    view = chat.view("context")
    memories: dict[str, Any] = dict(view.memories)
    assert [message["role"] for message in view.messages] == ["user", "assistant"] * 3
    assert view.messages[0]["content"] == "one" and view.messages[-1]["content"] == "REPLY 2"
    assert memories["aider/done"] == 4
    assert memories["aider/edit-format"] == "whole"
    assert memories["aider/model"]["name"] == "openai/made-up"
    assert memories["aider/project"] == str(chat.project)
    outside = str(tmp_path / "elsewhere.txt")
    assert memories["aider/files"] == [{"path": "a.py", "access": "edit"}, {"path": outside, "access": "read"}]
    assert view.read("files/a.py") == b"print(2)\n" and view.read(f"outside{outside}") == b"from elsewhere"
    assert (view.commit.summary.title, view.commit.summary.agent) == ("one", "aider")


def test_both_spellings_and_beginnings_of_a_name_run_a_command(chat: Chat) -> None:
    out = chat.type(
        "/context_backup a", "/context-backup b", "/context_b c", "/context-b d", "/context_show", "/context-show"
    )
    assert chat.names() == ["a", "b", "c", "d"]
    assert out.stdout.count("edit format  whole") == 2 and "Invalid command" not in out.stdout


def test_model_and_edit_format_are_switched_to_and_nothing_is_summarized(chat: Chat, model: ModelServer) -> None:
    model.say(f"I edit it.\n\n{EDIT}")
    chat.type("one", "/context_backup")
    before = len(model.requests)
    out = chat.type(
        "/context_load context", "/context_show", "two", arguments=("--model", "openai/other", "--edit-format", "diff")
    )
    assert len(model.requests) == before + 1
    assert model.requests[-1].body["model"] == "made-up"
    assert "model openai/made-up" in said(out.stdout) and "edit format whole" in said(out.stdout)
    texts = [turn.text for turn in model.last_conversation()]
    assert "one" in texts and "I updated the files." in " ".join(texts) and texts[-1] == "two"


def test_a_read_only_file_stays_one_and_an_editable_one_does(chat: Chat) -> None:
    chat.type("/context_backup", arguments=("--read", "notes.md", "a.py"))
    out = chat.type("/context_load context", "/context_show", arguments=("--read", "a.py", "notes.md"))
    shown = said(out.stdout)
    assert "file a.py 9 bytes, 1 line" in shown and "read-only notes.md 9 bytes, 1 line" in shown


def test_a_file_that_is_gone_is_told_and_one_that_differs_is_left_alone(chat: Chat) -> None:
    chat.type("/context_backup")
    (chat.project / "a.py").write_text("changed\n")
    (chat.project / "notes.md").unlink()
    out = said(chat.type("/context_load context", "/context_show", arguments=()).stdout)
    assert "notes.md does not exist and was not added" in out
    assert "not changed: a.py" in out
    assert (chat.project / "a.py").read_text() == "changed\n" and not (chat.project / "notes.md").exists()


def test_files_of_backups_made_within_a_second_do_not_collide(chat: Chat) -> None:
    chat.type(*["/context_backup quick --json"] * 5, "/context_backup --json")
    files = chat.files()
    assert len(files) == 6
    assert all(
        re.fullmatch(r"(quick|aider_context)_\d{4}-\d\d-\d\d_\d\d_\d\d_\d\d(_\d)?\.json", file.name) for file in files
    )
    for file in files:
        value = json.loads(file.read_text())
        assert {"timestamp", "model", "files", "messages"} < set(value) and value["files"] == ["a.py"]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_backup_in_a_file_is_loaded_without_a_repository(chat: Chat, model: ModelServer) -> None:
    chat.type("one", "/context_backup --json", "two")
    (name,) = chat.files()
    chat.start = (*chat.start[:2], str(chat.repo) + "-nowhere", "aider")
    out = chat.type(f"/context_load {name.name}", "three", arguments=())
    second, third = model.conversations()[1:]
    assert third[:-1] == second[:-1]
    assert "no repository at" in out.stderr and "Loaded" in out.stdout


def test_a_new_context_has_the_chosen_messages_and_files(chat: Chat, model: ModelServer) -> None:
    out = chat.type(
        "one", "two", "/context_create", "/context_create part 3-4 a.py --json", "/context_create part all",
        "/context_create wrong 9", "/context_create wrong 1 nope.py", "/context_create wrong", "/context_load part",
        "three",
    )  # fmt: skip
    view = chat.view("part")
    assert [message["content"] for message in view.messages] == ["two", "REPLY 2"]
    assert [path for path, _ in view.files.entries()] == ["files/a.py"]
    assert [turn.text for turn in model.last_conversation()][-3:] == ["two", "REPLY 2", "three"]
    assert "be brief" not in str(model.last_conversation())
    shown = said(out.stdout)
    assert "1* user one" in shown and "read notes.md" in shown
    assert "a backup called 'part' already exists" in shown and "message 9 does not exist" in shown
    assert "nope.py is not in the chat" in shown and "needs a name and message numbers" in shown
    assert len(chat.files("context_create")) == 1 and "wrong" not in chat.names()


def test_a_list_has_commits_and_files(chat: Chat) -> None:
    out = chat.type("/context_load", "/context_backup", "one", "/context_backup --json", "/context_load")
    shown = said(out.stdout)
    assert "No backups of this project yet" in shown
    assert re.search(r"[0-9a-f]{8} \S+ \S+ context 2 messages, 2 files openai/made-up", shown)
    assert re.search(r"[0-9a-f]{8} \S+ \S+ context~1 0 messages, 2 files", shown)
    assert f"file .extn_aider/temp/context_backup/{chat.files()[0].name}" in shown


def test_whatever_the_store_is_like_aider_goes_on(chat: Chat, model: ModelServer) -> None:
    (chat.repo / "root").write_bytes(b"\xff" * 40)
    (chat.repo / "root.old").unlink(missing_ok=True)
    out = chat.type("/context_backup", "/context_load", "/context_load x", "/context_create n all", "hello")
    shown = said(out.stdout)
    assert shown.count(f"{chat.repo}:") >= 4 and "bug" not in shown and "Traceback" not in out.stdout + out.stderr
    assert model.last_conversation()[-1].text == "hello"


def test_what_can_not_be_read_or_written_is_named(chat: Chat, model: ModelServer) -> None:
    (chat.project / ".extn_aider").write_text("in the way")
    (chat.project / "bad.json").write_bytes(b"\xff\xfe")
    (chat.project / "list.json").write_text("[]")
    (chat.project / "torn.json").write_text('{"messages": [')
    (chat.project / "role.json").write_text('{"messages": [{"content": "x"}]}')
    lines = [f"/context_load {name}.json" for name in ("bad", "list", "torn", "role", "none")]
    wrong = [
        "/context_backup a b",
        "/context_backup a/b",
        "/context_load --nope x",
        "/context_load 'x",
        "/context_load a b",
    ]
    out = chat.type("one", "/context_backup --json", *lines, *wrong, "two")
    shown = said(out.stdout)
    for what in (
        ".extn_aider", "the commit is saved", "bad.json is not UTF-8", "list.json is not a backup",
        "torn.json is not JSON", "message 1 has no role", "No such file", "the name of a backup has no spaces",
        "'a/b' is not a valid name", "unknown option --nope", "a quote is not closed", "only one backup can be loaded",
    ):  # fmt: skip
        assert what in shown, what
    assert chat.names() == ["context"]
    assert [turn.text for turn in model.last_conversation()][-3:] == ["one", "REPLY 1", "two"]


def test_a_file_that_is_no_text_is_saved_byte_for_byte(chat: Chat) -> None:
    (chat.project / "latin.txt").write_bytes(b"caf\xe9\n")
    out = chat.type("/context_show", "/context_backup --json", arguments=("latin.txt", "a.py"))
    assert "not text in aider's encoding" in said(out.stdout)
    assert chat.view("context").read("files/latin.txt") == b"caf\xe9\n"
    value = json.loads(chat.files()[0].read_text())
    assert value["contents"]["latin.txt"]["base64"] == "Y2Fm6Qo="


def test_a_strangers_backup_adds_no_file_from_outside_and_writes_none(chat: Chat, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    names = [str(secret), "../secret", "../made", ".git/hooks/pre-commit", ".GIT/x", "sub/ok.txt"]
    told = {"messages": [], "files": names, "contents": {name: {"text": "theirs"} for name in names}}
    (chat.project / "theirs.json").write_text(json.dumps(told))
    out = said(chat.type("/context_load theirs.json --files", "/context_show").stdout)
    assert "is outside the project and was not added" in out and "file sub/ok.txt" in out
    assert ".git/hooks/pre-commit is outside the project and was not restored" in out and "Restored: sub/ok.txt" in out
    assert secret.read_text() == "secret" and not (tmp_path / "made").exists()
    assert not (chat.project / ".git/hooks/pre-commit").exists() and not (chat.project / ".GIT/x").exists()
    assert (chat.project / "sub/ok.txt").read_text() == "theirs"


def test_where_aider_can_not_switch_the_messages_are_loaded_all_the_same(chat: Chat, model: ModelServer) -> None:
    chat.type("one", "/context_backup")
    (chat.project / "load.txt").write_text("/context_load context\n")
    chat.type("two", arguments=("--load", "load.txt", "--edit-format", "diff"))
    assert [turn.text for turn in model.last_conversation()][-3:] == ["one", "REPLY 1", "two"]


def test_the_exit_code_and_the_arguments_are_aiders(chat: Chat) -> None:
    done = chat.client.run(*chat.start, "--no-such-option-of-aider")
    assert done.code == 2 and "--no-such-option-of-aider" in done.stderr and "usage: aider" in done.stderr
    shown = chat.client.run(*chat.start, "--version")
    assert (shown.code, shown.stdout.strip()) == (0, "aider 0.86.2")


@pytest.mark.parametrize("shape", ["extn_aider", "extn_aider created", "session"])
def test_files_of_other_tools_are_loaded(shape: str, chat: Chat, model: ModelServer) -> None:
    messages = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "yes"}]
    shapes: dict[str, dict[str, Any]] = {
        "extn_aider": {"timestamp": "2025-05-01", "model": "openai/made-up", "files": ["a.py"], "messages": messages},
        "extn_aider created": {
            "model_info": {"name": "openai/made-up", "edit_format": "whole"},
            "files": [{"name": "a.py", "size": 9, "lines": 1, "content": "print(1)\n"}],
            "messages": messages,
            "git_info": {"branch": "main", "commit_hash": "1234567"},
        },
        "session": {
            "version": 1,
            "model": "openai/made-up",
            "edit_format": "whole",
            "chat_history": {"done_messages": messages[:1], "cur_messages": messages[1:]},
            "files": {"editable": ["a.py"], "read_only": ["notes.md"], "read_only_stubs": []},
        },
    }
    folder = chat.project / {"session": ".aider/sessions"}.get(shape, ".extn_aider/temp/context_backup")
    folder.mkdir(parents=True)
    (folder / "theirs.json").write_text(json.dumps(shapes[shape]))
    out = said(chat.type("/context_load theirs", "/context_show", "two", arguments=()).stdout)
    assert "file a.py" in out and ("read-only notes.md" in out) == (shape == "session")
    texts = [turn.text for turn in model.last_conversation()]
    assert texts.index("one") < texts.index("yes") < texts.index("two")


def test_ctx_reads_a_backup_like_any_conversation(chat: Chat) -> None:
    chat.type("one", "/context_backup", "two", "/context_backup")
    diff = chat.store.diff("context~1", "context")
    assert [message.role for message in diff.added] == ["user", "assistant"] and not diff.removed
