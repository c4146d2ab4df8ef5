"""The side of ctxstore: a chat as a commit, and as an exported file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import ctxstore
from ctxstore.cli.main import cli
from ctxstore.errors import InvalidInput
from ctxstore.integrations.aider.inside.backup import parse_backup
from ctxstore.integrations.aider.inside.store import BRIDGE
from ctxstore.ops.export import iter_export

MESSAGES = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two \ud800"}]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "project"
    path.mkdir()
    (path / "a.py").write_text("print(1)\n")
    (path / "a.py").chmod(0o750)
    (path / "caf\udce9").write_bytes(b"\xff\x00")
    return path


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(tmp_path / "repo") as made:
        yield made


def chat_of(project: Path, messages: list[Any] = MESSAGES, **more: Any) -> dict[str, Any]:
    names = ["a.py", "caf\udce9"]
    return {
        "project": str(project),
        "model": {"name": "m", "weak": "w", "editor": None},
        "edit_format": "diff",
        "git": None,
        "messages": messages,
        "done": 1,
        "files": [{"path": name, "absolute": str(project / name), "access": "edit"} for name in names],
        **more,
    }


def ask(repo: str | ctxstore.Repo, do: str, *, makes: bool = False, **request: Any) -> dict[str, Any]:
    """Runs the bridge as aider's side does, and returns its answer."""
    place = repo if isinstance(repo, str) else repo.path
    told = json.dumps({"repo": place, "makes": makes, "do": do, **request})
    command = [sys.executable, "-P", "-m", BRIDGE]
    done = subprocess.run(command, input=told, capture_output=True, text=True, check=True)
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def test_what_is_exported_is_what_was_saved(repo: ctxstore.Repo, project: Path) -> None:
    answer = ask(repo, "save", name="n", chat=chat_of(project))
    assert (answer["messages"], answer["files"], answer["unreadable"]) == (2, 2, [])
    value = json.loads(b"".join(iter_export(repo.view(answer["commit"]), "aider-backup")))
    assert value == ask(repo, "load", project=str(project), rev="n")
    backup = parse_backup(value, "it", is_own=True)
    assert backup.done + backup.current == MESSAGES and len(backup.done) == 1
    assert (backup.model, backup.weak_model, backup.editor_model, backup.edit_format) == ("m", "w", "", "diff")
    assert [(file.path, file.content, file.mode) for file in backup.files] == [
        ("a.py", b"print(1)\n", 0o750),
        ("caf\udce9", b"\xff\x00", 0o644),
    ]


def test_a_later_backup_has_what_is_there_then(repo: ctxstore.Repo, project: Path) -> None:
    ask(repo, "save", name="n", chat=chat_of(project))
    (project / "a.py").write_text("print(2)\n")
    edited = [*MESSAGES[:1], {"role": "assistant", "content": "other"}, *MESSAGES]
    ask(repo, "save", name="n", chat=chat_of(project, edited, files=chat_of(project)["files"][:1]))
    ask(repo, "save", name="n", chat=chat_of(project, [], done=0, files=[]))
    lengths = [len(repo.view(f"n{back}").messages) for back in ("", "~1", "~2")]
    assert lengths == [0, 4, 2] and list(repo.view("n~1").messages) == edited
    assert [list(repo.view(f"n{back}").files) for back in ("", "~1", "~2")] == [
        [], ["files/a.py"], ["files/a.py", "files/caf\udce9"]
    ]  # fmt: skip
    assert repo.view("n~1").read("files/a.py") == b"print(2)\n"


def test_backups_made_at_the_same_time_are_all_there(repo: ctxstore.Repo, project: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(repo, "save", name="n", chat=chat_of(project)), range(4)))
    assert not any("error" in answer for answer in answers), answers
    assert {answer["commit"] for answer in answers} == {stored.id.hex() for stored in repo.log("n")}


def test_projects_of_one_name_are_kept_apart(repo: ctxstore.Repo, project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "project"
    other.mkdir(parents=True)
    ask(repo, "save", name="n", chat=chat_of(project))
    ask(repo, "save", name="n", chat=chat_of(other, files=[]))
    assert [each["name"] for each in ask(repo, "list", project=str(other))["commits"]] == ["n"]
    assert ask(repo, "load", project=str(other), rev="n")["files"] == []


def test_the_users_own_repository_is_made_and_no_other(project: Path, tmp_path: Path) -> None:
    chat = chat_of(project)
    assert "no repository" in ask(str(tmp_path / "new"), "save", name="n", chat=chat)["error"]["message"]
    assert "error" not in ask(str(tmp_path / "new"), "save", makes=True, name="n", chat=chat)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_what_is_no_backup_is_refused(repo: ctxstore.Repo, project: Path) -> None:
    draft = repo.edit("chat/alice")
    draft.messages.append({"role": "user", "content": "hello"})
    draft.commit()
    draft.memories.update({"aider/done": 1, "aider/files": [{"path": 1}]})
    draft.commit()
    for rev in ("chat/alice", "chat/alice~1"):
        with pytest.raises(InvalidInput, match="is not a chat saved from aider"):
            list(iter_export(repo.view(rev), "aider-backup"))
        assert "is not a chat" in ask(repo, "load", project=str(project), rev=rev)["error"]["message"]
    result = CliRunner().invoke(cli, ["--repo", repo.path, "export", "chat/alice", "-f", "aider-backup"])
    assert result.exit_code == 2 and result.stdout == ""
    assert "no backup is called 'nope'" in ask(repo, "load", project=str(project), rev="nope")["error"]["message"]


def test_no_file_is_left_half_written(repo: ctxstore.Repo, project: Path) -> None:
    (project / ".extn_aider" / "temp").mkdir(parents=True)
    (project / ".extn_aider" / "temp" / "context_backup").symlink_to(project.parent)
    chat = chat_of(project, folder="context_backup", stem="n")
    answer = ask(repo, "save", name="n", chat=chat)
    assert "is a link out of the project" in answer["failed"]["message"] and answer["file"] is None
    os.unlink(project / ".extn_aider" / "temp" / "context_backup")
    (project / ".extn_aider" / "temp" / "context_backup").write_text("in the way")
    assert "not written" in ask(repo, "save", name="n", chat=chat)["failed"]["message"]
    assert len(list(repo.log("n"))) == 2 and not list(project.rglob("*.part"))


def test_a_new_folder_for_files_is_kept_out_of_git(repo: ctxstore.Repo, project: Path) -> None:
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    ask(repo, "save", name="n", chat=chat_of(project, folder="context_backup", stem="n"))
    status = subprocess.run(["git", "status", "--short"], cwd=project, capture_output=True, text=True, check=True)
    assert ".extn_aider" not in status.stdout
    assert (project / ".extn_aider").stat().st_mode & 0o777 == 0o700
