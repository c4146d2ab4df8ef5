"""The files of OpenCode's earlier versions: whole sessions, what a migration left of them, and what it forgot."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import ctxstore
from ctxstore.ops.checkout.placement import Placement
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.opencode import OpenCode
from ctxstore.sources.protocol import FoundContext, Message, Skipped, SourceHome
from tests.sources.homes import opencode as home
from tests.sources.homes.home_files import write
from tests.sources.homes.opencode import OLD, SESSION

LOST = "ses_lost00000ffeDDDDDDDDDDDDDD"
EARLY = "ses_early0000ffeEEEEEEEEEEEEEE"


@pytest.fixture
def root(tmp_path: Path) -> SourceHome:
    home.make(tmp_path)
    return OpenCode().discover({"HOME": str(tmp_path)})[0]


def look(root: SourceHome) -> tuple[dict[str, FoundContext], list[Skipped]]:
    skipped: list[Skipped] = []
    return {context.name: context for context in OpenCode().contexts(root, skipped.append)}, skipped


def keys(context: FoundContext) -> list[str]:
    return [file.key for file in context.files]


def messages(context: FoundContext) -> list[Message]:
    content = next(file.content for file in context.files if file.key.endswith("session.jsonl"))
    assert content
    return [each for each in OpenCode().messages(content()) if each.role != "meta"]


def message(id: str, **data: object) -> str:
    return json.dumps({"id": id, "role": "user", "time": {"created": 1_700_000_000_123}, **data})


def text(words: str) -> str:
    return json.dumps({"type": "text", "text": words})


def test_messages_whose_session_is_gone_are_a_session(root: SourceHome) -> None:
    files = {
        f"storage/message/{LOST}/msg_7.json": message("msg_7"),
        "storage/part/msg_7/prt_7.json": text("Grease it"),
    }
    write(Path(root.path), files)
    found, skipped = look(root)
    context = found[f"opencode/-/{LOST}"]
    assert keys(context) == ["session.jsonl", *files] and not skipped
    (said,) = messages(context)
    assert (said.parts[0].text, said.time) == ("Grease it", "2023-11-14T22:13:20.123Z")


def test_sessions_from_before_0_6_are_found_in_their_projects(root: SourceHome) -> None:
    top = "project/home-ada-engine/storage/session"
    answer = {"assistant": {"modelID": "early", "path": {"cwd": "/home/ada/engine"}}, "time": {"created": 1000}}
    files = {
        f"{top}/info/{EARLY}.json": json.dumps({"id": EARLY, "title": "Cogs"}),
        f"{top}/message/{EARLY}/msg_1.json": message("msg_1"),
        f"{top}/message/{EARLY}/msg_2.json": json.dumps(
            {"id": "msg_2", "role": "assistant", "metadata": answer, "parts": [{"type": "text", "text": "Cut"}]}
        ),
        f"{top}/part/{EARLY}/msg_1/prt_1.json": text("Cut cogs"),
        f"{top}/part/{EARLY}/msg_9/prt_1.json": text("No message has this part"),
    }
    write(Path(root.path), files)
    context = look(root)[0][f"opencode/-home-ada-engine/{EARLY}"]
    assert set(keys(context)) > set(files)
    said = messages(context)
    assert [each.parts[0].text for each in said] == ["Cut cogs", "Cut"]
    assert (said[1].model, said[1].time) == ("early", "1970-01-01T00:00:01.000Z")


def test_the_calls_of_early_versions_are_read() -> None:
    call = {"state": "result", "toolCallId": "c1", "toolName": "bash", "args": {"command": "ls"}, "result": "cog"}
    data = {"role": "assistant", "parts": [{"type": "tool-invocation", "toolInvocation": call}]}
    line = json.dumps({"table": "message", "row": {"id": "msg_1", "data": json.dumps(data)}}).encode()
    (said,) = OpenCode().messages([line])
    assert [(part.kind, part.name, part.text) for part in said.parts] == [
        ("tool_use", "bash", ""), ("tool_result", "", "cog")
    ]  # fmt: skip


def test_a_session_in_two_projects_has_the_files_of_both(root: SourceHome) -> None:
    write(Path(root.path), {f"storage/session/other/{OLD}.json": "{}"})
    found = keys(look(root)[0][f"opencode/-home-ada-engine/{OLD}"])
    assert {f"storage/session/global/{OLD}.json", f"storage/session/other/{OLD}.json"} < set(found)


def test_files_of_a_session_in_the_database_are_named_unless_they_have_more(root: SourceHome) -> None:
    write(Path(root.path), {f"storage/message/{SESSION}/msg_{n}.json": message(f"msg_{n}") for n in range(2)})
    found, skipped = look(root)
    assert not [name for name in found if name.endswith(".files")]
    assert [skip.reason for skip in skipped] == ["files of 1 sessions that are in the database, with as many messages"]
    write(Path(root.path), {f"storage/message/{SESSION}/msg_3.json": message("msg_3")})
    found, skipped = look(root)
    assert len(messages(found[f"opencode/-/{SESSION}.files"])) == 3 and not skipped
    assert len(messages(found[f"opencode/-home-ada-engine/{SESSION}"])) == 2


def test_files_of_no_session_are_a_context(root: SourceHome) -> None:
    stray = {
        "plans/by-hand.md": "",
        "project/x/app.json": "{}",
        "project/x/storage/session/info/notes.txt": "",
        "project/y": "",
        "storage/migration": "2",
        "storage/new/kind/a.json": "{}",
        "storage/part/msg_gone/prt_1.json": text("alone"),
        "storage/session/global/notes.txt": "",
        "storage/todo/ses_gone.json": "[]",
    }
    secret = "project/x/storage/session/share/ses_1.json"
    write(Path(root.path), stray | {secret: '{"secret":"s"}', "project/x/snapshot/a/HEAD": ""})
    found, skipped = look(root)
    files = {file.key for file in found["opencode/storage"].files if not os.path.isdir(file.path)}
    assert files == stray.keys()
    assert {os.path.relpath(skip.path, root.path): skip.reason for skip in skipped} == {
        "project/x/storage/session/share": "holds secrets",
        "project/x/snapshot": "git repositories of a project's files",
    }


def test_a_lost_session_comes_back_to_its_files(root: SourceHome, tmp_path: Path) -> None:
    write(Path(root.path), {f"storage/message/{LOST}/msg_7.json": message("msg_7")})
    with ctxstore.init(tmp_path / "repo") as repo:
        repo.snapshot([Target(OpenCode(), root)])
        repo.plan_checkout(f"opencode/-/{LOST}", placement=Placement(home=str(tmp_path / "new"))).execute()
    restored = tmp_path / "new/.local/share/opencode"
    assert (restored / f"storage/message/{LOST}/msg_7.json").read_text() == message("msg_7")
    assert [path.name for path in restored.iterdir()] == ["storage"]


def test_each_database_has_sessions_of_its_own(root: SourceHome) -> None:
    folder = Path(root.path)
    home.make_database(folder / "opencode-local.db")
    home.make_database(folder / "mine")
    found, skipped = look(root)
    assert {name for name in found if name.endswith(SESSION)} == {
        f"opencode/-home-ada-engine{end}/{SESSION}" for end in ("", ".local", ".mine")
    }
    assert "opencode-local.db/session.jsonl" in keys(found[f"opencode/-home-ada-engine.local/{SESSION}"])
    assert keys(found["opencode/database"]) == ["mine", "opencode-local.db", "opencode.db"] and not skipped


def test_a_database_of_another_program_is_named(root: SourceHome) -> None:
    with closing(sqlite3.connect(Path(root.path, "cache.sqlite"))) as other:
        other.execute("CREATE TABLE things (id)")
    found, skipped = look(root)
    assert keys(found["opencode/database"]) == ["opencode.db"]
    assert [(os.path.basename(skip.path), skip.failed) for skip in skipped] == [("cache.sqlite", False)]


@pytest.mark.parametrize("is_absolute", [True, False])
def test_the_database_that_the_variable_names_is_found(tmp_path: Path, is_absolute: bool) -> None:
    folder = tmp_path / ("elsewhere" if is_absolute else ".local/share/opencode")
    folder.mkdir(parents=True)
    home.make_database(folder / "talks")
    write(folder, {"AGENTS.md": "of another program"})
    name = str(folder / "talks") if is_absolute else "talks"
    (root,) = OpenCode().discover({"HOME": str(tmp_path), "OPENCODE_DB": name})
    assert root.path == str(folder)
    assert f"opencode/-home-ada-engine.talks/{SESSION}" in look(root)[0]
    assert any(name.startswith("opencode/home") for name in look(root)[0]) != is_absolute


def test_a_session_goes_back_to_the_database_it_is_from(root: SourceHome, tmp_path: Path) -> None:
    path = Path(root.path, "opencode-local.db")
    home.make_database(path)
    with ctxstore.init(tmp_path / "repo") as repo:
        repo.snapshot([Target(OpenCode(), root)])
        with closing(sqlite3.connect(path)) as agent:
            agent.execute("DELETE FROM message")
            agent.commit()
        repo.plan_checkout(f"opencode/-home-ada-engine.local/{SESSION}").execute()
    with closing(sqlite3.connect(path)) as agent:
        assert agent.execute("SELECT count(*) FROM message").fetchone() == (2,)
