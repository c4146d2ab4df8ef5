"""The sessions found of OpenCode, and the cost of an unchanged one."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import SourceError
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.opencode import OpenCode
from ctxstore.sources.protocol import FoundContext, Skipped, SourceHome
from ctxstore.sources.sqlite.listing import WHOLE_LIMIT
from tests.sources.homes import opencode as home
from tests.sources.homes.opencode import CHILD, OLD, SESSION, add_turn

NAME = f"opencode/-home-ada-engine/{SESSION}"


@pytest.fixture
def root(tmp_path: Path) -> SourceHome:
    home.make(tmp_path)
    return OpenCode().discover({"HOME": str(tmp_path)})[0]


def look(root: SourceHome) -> tuple[dict[str, FoundContext], list[Skipped]]:
    skipped: list[Skipped] = []
    return {context.name: context for context in OpenCode().contexts(root, skipped.append)}, skipped


def lines(context: FoundContext) -> list[dict[str, object]]:
    content = next(file.content for file in context.files if file.key == "session.jsonl")
    assert content
    return [json.loads(line) for line in b"".join(content()).splitlines()]


def database(root: SourceHome) -> sqlite3.Connection:
    return sqlite3.connect(os.path.join(root.path, "opencode.db"))


def test_each_session_is_a_context_with_what_belongs_to_it(root: SourceHome) -> None:
    found, skipped = look(root)
    assert not skipped
    assert list(found) == [
        "opencode/database",
        *sorted(f"opencode/-home-ada-engine/{id}" for id in (SESSION, CHILD, OLD)),
    ]
    assert [file.key for file in found[NAME].files] == [
        f"plans/{home.START}-brass-wheel.md",
        "session.jsonl",
        f"storage/session_diff/{SESSION}.json",
    ]
    tables = [line["table"] for line in lines(found[NAME])]
    assert tables == ["session", "project", "message", "message", "todo", "event_sequence", "event"]
    assert [len(line.get("rows", ())) for line in lines(found[NAME])][2:4] == [1, 4]  # type: ignore[arg-type]


def test_the_settings_are_a_context_of_their_own(tmp_path: Path) -> None:
    home.make(tmp_path)
    settings = OpenCode().discover({"HOME": str(tmp_path)})[1]
    found, _ = look(settings)
    assert list(found) == ["opencode/home"]
    assert [file.key for file in found["opencode/home"].files] == [
        "AGENTS.md", "agent", "agent/oiler.md", "opencode.json"
    ]  # fmt: skip


def test_another_home_does_not_take_turns_with_the_usual_one(tmp_path: Path) -> None:
    home.make(tmp_path / "ada")
    shutil.move(tmp_path / "ada/.local/share", tmp_path / "data")
    (root,) = OpenCode().discover({"HOME": str(tmp_path / "none"), "XDG_DATA_HOME": str(tmp_path / "data")})
    names = list(look(root)[0])
    assert names[0].startswith("opencode/database.") and NAME in names


def test_no_token_is_saved(root: SourceHome) -> None:
    files = [file for context in look(root)[0].values() for file in context.files]
    for data in (b"".join(file.content()) for file in files if file.content):
        assert b"at-secret" not in data and b"share-secret" not in data


def test_only_what_changed_looks_different(root: SourceHome) -> None:
    before = {name: [file.stat for file in context.files] for name, context in look(root)[0].items()}
    with closing(database(root)) as agent:
        add_turn(agent, SESSION, 9, "And now?", "Turned.")
        agent.commit()
    after = {name: [file.stat for file in context.files] for name, context in look(root)[0].items()}
    assert [name for name in after if after[name] != before[name]] == ["opencode/database", NAME]


def test_a_change_in_place_is_seen_in_sessions_from_before_there_were_events(root: SourceHome) -> None:
    with closing(database(root)) as agent:
        agent.execute("DROP TABLE event")
        agent.execute("DROP TABLE event_sequence")
        agent.commit()
        before = look(root)[0][NAME].files[1].stat
        agent.execute("UPDATE part SET data = '{}', time_updated = time_updated + 5 WHERE rowid = 1")
        agent.commit()
    assert look(root)[0][NAME].files[1].stat != before


def test_an_unchanged_session_is_not_read_and_a_changed_one_alone_is(root: SourceHome, tmp_path: Path) -> None:
    target = Target(OpenCode(), root)
    time.sleep(0.1)  # a file that was changed this shortly before a scan is read again
    with ctxstore.init(tmp_path / "repo") as repo:
        assert len(repo.snapshot([target]).commits) == 4
        again = repo.snapshot([target])
        assert again.op is None and again.sources[0].bytes_read == 0
        with closing(database(root)) as agent:
            add_turn(agent, SESSION, 9, "And now?", "Turned.")
            agent.commit()
        report = repo.snapshot([target], kind="incremental")
        assert [name for name, _ in report.commits] == [NAME]
        view = repo.view(NAME)
        assert view.commit.summary[:5] == ("Oil the wheels", "OpenCode", "fake", home.FOLDER, 4)


@pytest.mark.parametrize(
    "damage",
    [
        "empty",
        "binary",
        "cut",
        "overwritten",
        "sparse",
        "link",
        "older",
        pytest.param("locked", marks=pytest.mark.slow),
    ],
)
def test_a_bad_database_is_named_and_the_rest_is_found(root: SourceHome, damage: str) -> None:
    path = Path(root.path, "opencode.db")
    with closing(database(root)) as agent:
        agent.execute("PRAGMA journal_mode = DELETE")
        if damage == "older":
            agent.execute("PRAGMA foreign_keys = OFF")
            agent.execute("DROP TABLE session")
            agent.commit()
        if damage == "locked":
            agent.execute("BEGIN EXCLUSIVE")
        data = path.read_bytes()
        if damage == "empty":
            path.write_bytes(b"")
        elif damage == "binary":
            path.write_bytes(bytes(range(256)) * 64)
        elif damage == "cut":
            os.truncate(path, len(data) // 2)
        elif damage == "overwritten":
            path.write_bytes(data[:4096] + b"\xee" * (len(data) - 4096))
        elif damage == "sparse":
            path.write_bytes(b"")
            os.truncate(path, 2 << 30)
        elif damage == "link":
            path.rename(path.with_name("elsewhere.db"))
            path.symlink_to("elsewhere.db")
        found, skipped = look(root)
    older = f"opencode/-home-ada-engine/{OLD}"
    assert older in found and NAME not in found
    assert [skip.path for skip in skipped] == [str(path)]


def test_a_session_that_can_not_be_read_keeps_no_other_from_it(root: SourceHome) -> None:
    found, _ = look(root)
    os.unlink(os.path.join(root.path, "opencode.db"))
    with pytest.raises(SourceError):
        lines(found[NAME])
    assert lines(found[f"opencode/-home-ada-engine/{OLD}"])


def test_a_database_too_large_is_not_copied_as_a_whole(root: SourceHome, monkeypatch: pytest.MonkeyPatch) -> None:
    assert WHOLE_LIMIT == 1 << 30
    monkeypatch.setattr("ctxstore.sources.sqlite.listing.WHOLE_LIMIT", 1000)
    found, skipped = look(root)
    assert "opencode/database" not in found and NAME in found
    assert [skip.failed for skip in skipped] == [False]


def test_columns_and_tables_of_other_versions_are_taken_as_they_are(root: SourceHome) -> None:
    with closing(database(root)) as agent:
        agent.execute("ALTER TABLE message ADD COLUMN mood REAL DEFAULT 1.0")
        agent.execute("DROP TABLE todo")
        agent.execute("UPDATE part SET data = CAST(x'ff' AS TEXT) WHERE rowid = 1")
        agent.commit()
    found = lines(look(root)[0][NAME])
    message = next(line for line in found if line["table"] == "message")
    assert message["row"]["mood"] == 1.0 and message["rows"][0]["row"]["data"] == {"text": "/w=="}  # type: ignore[index]
