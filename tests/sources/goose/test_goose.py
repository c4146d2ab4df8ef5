"""Goose's sessions: found, read, and restored."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import Conflict, InvalidInput, NotFound
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.goose import Goose
from ctxstore.sources.protocol import FoundContext, Skipped, SourceHome
from ctxstore.sources.resumable import ContextChange, Resumable, StoredContext
from tests.sources.homes import goose as home
from tests.sources.homes.goose import FOLDER, OLD, OTHER, SESSION, add_turn

SOURCE = Goose()
GROUP = "goose/-home-ada-engine/"
NEW = "20261122_123456"


@pytest.fixture
def root(tmp_path: Path) -> SourceHome:
    home.make(tmp_path)
    return SOURCE.discover({"HOME": str(tmp_path)})[0]


def open_at(root: SourceHome) -> sqlite3.Connection:
    return sqlite3.connect(os.path.join(root.path, "sessions/sessions.db"))


def look(root: SourceHome) -> tuple[dict[str, FoundContext], list[Skipped]]:
    skipped: list[Skipped] = []
    return {context.name: context for context in SOURCE.contexts(root, skipped.append)}, skipped


def stored(root: SourceHome, session: str = SESSION) -> StoredContext:
    """Captures the present state of a session."""
    context = look(root)[0][GROUP + session]
    data = {f.key: b"".join(f.content()) if f.content else Path(f.path).read_bytes() for f in context.files}

    def read(key: str) -> Iterator[bytes]:
        for at in range(0, len(data[key]), 50):
            yield data[key][at : at + 50]

    return StoredContext(context.name, FOLDER, list(data), read)


def put(root: SourceHome, kept: StoredContext, change: ContextChange) -> None:
    (entry,) = SOURCE.index_entries(kept, change, root.path)
    entry.apply(root.path)
    assert entry.is_there(root.path)


def dump(root: SourceHome) -> list[str]:
    with closing(open_at(root)) as database:
        assert not database.execute("PRAGMA foreign_key_check").fetchall()
        return sorted(line for line in database.iterdump() if line.startswith("INSERT") and "sqlite_seq" not in line)


def rows(root: SourceHome, query: str) -> list[tuple[object, ...]]:
    with closing(open_at(root)) as database:
        return database.execute(query).fetchall()


def test_each_session_is_a_context_and_so_are_database_and_settings(root: SourceHome, tmp_path: Path) -> None:
    found, skipped = look(root)
    assert list(found) == ["goose/database", *(GROUP + id for id in (OLD, SESSION, OTHER))] and not skipped
    settings = look(SOURCE.discover({"HOME": str(tmp_path)})[1])[0]
    assert [file.key for file in settings["goose/home"].files] == ["config.yaml", "memory", "memory/oil.txt"]
    assert SOURCE.is_memory("memory/oil.txt") and not SOURCE.is_memory("config.yaml")


@pytest.mark.parametrize(("session", "roles"), [(SESSION, 4), (OLD, 2)])
def test_rows_and_older_files_are_read_as_messages(root: SourceHome, session: str, roles: int) -> None:
    kept = stored(root, session)
    key = SOURCE.transcript(kept.context, kept.keys)
    assert key
    messages = list(SOURCE.messages(kept.read(key)))
    assert b"".join(message.raw for message in messages) == b"".join(kept.read(key))
    said = [message for message in messages if message.role != "meta"]
    assert [message.role for message in said] == ["user", "assistant", "tool", "assistant"][:roles]
    assert said[0].parts[0].text in ("Oil the wheels", "Cut the gears")
    assert said[0].time == ("2023-11-14T22:13:21Z" if roles == 4 else "2023-11-14T22:13:20Z")
    if roles == 4:
        call, result = said[1].parts[0], said[2].parts[0]
        assert (call.name, call.call, call.data) == ("shell", "call_1", {"command": "ls"})
        assert (result.text, result.call, result.error) == ("wheel", "call_1", False)


def test_the_list_shows_title_model_folder_and_count(root: SourceHome, tmp_path: Path) -> None:
    time.sleep(0.1)  # a file that was changed this shortly before a scan is read again
    with ctxstore.init(tmp_path / "repo") as repo:
        repo.snapshot([Target(SOURCE, root)])
        shown = {id: repo.view(GROUP + id).commit.summary[:5] for id in (SESSION, OTHER, OLD)}
        assert shown[SESSION] == ("Oil the wheels", "Goose", "fake", FOLDER, 4)
        assert shown[OTHER] == ("Look for oil", "Goose", None, FOLDER, 4)
        assert shown[OLD] == ("Cut the gears", "Goose", None, FOLDER, 2)
        again = repo.snapshot([Target(SOURCE, root)])
        assert again.op is None and again.sources[0].bytes_read == 0
        with closing(open_at(root)) as agent:
            add_turn(agent, OTHER, 7, "More?", "More.")
            agent.execute("UPDATE messages SET metadata_json = '{\"agentVisible\":false}' WHERE id = 1")
            agent.commit()
        report = repo.snapshot([Target(SOURCE, root)], kind="incremental")
        assert [name for name, _ in report.commits] == [GROUP + SESSION, GROUP + OTHER]


def test_the_first_version_of_its_tables_is_read_and_written(root: SourceHome) -> None:
    path = Path(root.path, "sessions/sessions.db")
    path.unlink()
    home.make_database(path, version=1)
    kept, before = stored(root), dump(root)
    assert len([m for m in SOURCE.messages(kept.read("session.jsonl")) if m.role != "meta"]) == 4
    with closing(open_at(root)) as agent:
        agent.execute("DELETE FROM messages WHERE session_id = ?", (SESSION,))
        agent.commit()
    put(root, kept, ContextChange())
    assert dump(root) == before


def test_a_session_comes_back_as_it_was(root: SourceHome) -> None:
    kept, before = stored(root), dump(root)
    with closing(open_at(root)) as agent:
        add_turn(agent, SESSION, 2, "And now?", "Turned.")
        agent.execute("DELETE FROM messages WHERE id = 1")
        agent.commit()
    put(root, kept, ContextChange())
    assert dump(root) == before
    assert isinstance(SOURCE, Resumable)


def test_in_another_database_messages_are_numbered_anew_where_others_have_their_numbers(root: SourceHome) -> None:
    kept = stored(root)
    other = Path(root.path, "sessions/sessions.db")
    other.unlink()
    home.make_database(other)
    with closing(open_at(root)) as agent:
        agent.execute("DELETE FROM messages")
        agent.execute("DELETE FROM sessions")
        home.insert(agent, "sessions", id="20200101_1", working_dir="/")
        add_turn(agent, "20200101_1", 1, "What?", "That.")
        agent.execute("UPDATE messages SET id = id - 6")
        agent.commit()
    put(root, kept, ContextChange())
    assert [id for (id,) in rows(root, "SELECT message_id FROM messages ORDER BY id")][4:] == [
        f"msg_{SESSION}_1{index}" for index in range(4)
    ]
    assert len(rows(root, "SELECT 1 FROM messages WHERE session_id = '20200101_1'")) == 4


def test_a_copy_in_another_folder_has_its_own_ids(root: SourceHome) -> None:
    before, kept = dump(root), stored(root)
    change = ContextChange(session=NEW, paths=((FOLDER, "/srv/e"),), now=1_795_400_000 * 10**9)
    put(root, kept, change)
    assert set(dump(root)) > set(before)
    columns = "working_dir, updated_at, thread_id"
    assert rows(root, f"SELECT {columns} FROM sessions WHERE id = '{NEW}'") == [("/srv/e", "2026-11-23 02:13:20", None)]
    ids = rows(root, f"SELECT message_id FROM messages WHERE session_id = '{NEW}' ORDER BY id")
    assert ids == [(f"msg_{NEW}_1{index}",) for index in range(4)]
    assert SOURCE.context_of(kept, change) == f"goose/-srv-e/{NEW}"


def test_a_copy_up_to_a_message_ends_there(root: SourceHome) -> None:
    kept = stored(root)
    put(root, kept, ContextChange(session=NEW, until=f"msg_{SESSION}_11"))
    assert len(rows(root, f"SELECT 1 FROM messages WHERE session_id = '{NEW}'")) == 2
    for bad in (ContextChange(until="msg_none"), ContextChange(session=NEW, until=SESSION)):
        with pytest.raises(NotFound):
            SOURCE.restore_layout(kept, bad)


def test_an_older_session_is_laid_out_as_a_file(root: SourceHome) -> None:
    kept = stored(root, OLD)
    assert SOURCE.index_entries(kept, ContextChange(), root.path) == []
    (same,) = SOURCE.restore_layout(kept, ContextChange())
    assert (same.key, same.edit) == (f"sessions/{OLD}.jsonl", None)
    (copy,) = SOURCE.restore_layout(kept, ContextChange(session=NEW, until="m1", paths=((FOLDER, "/srv/e"),)))
    assert copy.edit and copy.key == f"sessions/{NEW}.jsonl"
    lines = [json.loads(line) for line in b"".join(copy.edit(kept.read(same.key))).splitlines()]
    assert [line.get("id") for line in lines] == [None, "m1"] and lines[0]["working_dir"] == "/srv/e"


def test_the_whole_database_is_laid_out_with_an_empty_log() -> None:
    kept = StoredContext("goose/database", None, ["sessions/sessions.db"], lambda key: iter(()))
    assert [laid.key for laid in SOURCE.restore_layout(kept, ContextChange())] == [
        "sessions/sessions.db",
        "sessions/sessions.db-wal",
    ]
    with pytest.raises(InvalidInput):
        SOURCE.restore_layout(kept, ContextChange(session=NEW))


@pytest.mark.parametrize(
    "damage",
    ["empty", "binary", "cut", "sparse", "link", "foreign", pytest.param("locked", marks=pytest.mark.slow), "gone"],
)
def test_a_bad_database_is_named_and_the_older_files_are_found(root: SourceHome, damage: str) -> None:
    path, kept = Path(root.path, "sessions/sessions.db"), stored(root)
    with closing(open_at(root)) as agent:
        agent.execute("PRAGMA journal_mode = DELETE")
        data = path.read_bytes()
        if damage == "foreign":
            agent.execute("PRAGMA foreign_keys = OFF")
            agent.execute("DROP TABLE sessions")
            agent.commit()
        elif damage == "locked":
            agent.execute("BEGIN EXCLUSIVE")
        elif damage in ("link", "gone"):
            path.rename(path.with_name("elsewhere"))
            if damage == "link":
                path.symlink_to("elsewhere")
        else:
            path.write_bytes({"binary": b"\xfe" * 9999, "cut": data[: len(data) // 2]}.get(damage, b""))
            if damage == "sparse":
                os.truncate(path, 2 << 30)
        found, skipped = look(root)
        (entry,) = SOURCE.index_entries(kept, ContextChange(), root.path)
        assert not entry.is_there(root.path)
        if damage != "locked":
            with pytest.raises(Conflict):
                entry.apply(root.path)
    assert GROUP + OLD in found and GROUP + SESSION not in found
    assert [skip.path for skip in skipped] == ([] if damage == "gone" else [str(path)])


@given(data=st.lists(st.sampled_from([
    b'{"table":"messages","row":{"role":"user","content_json":"[]"}}\n', b'{"role":"assistant","content":[]}\n',
    b'{"table":"messages","row":{"role":"tool"}}\n', b'{"table":"sessions","row":{"name":"x"}}\n', b"\n", b"{}\n",
    b'{"table":"messages","row":[]}\n', b'{"role":"user","content":"\xff"}\n', b'{"role":"user"}{"role":"user"}\n',
    b'{"table":"x","row":{"role":"user"}}', b"[1]\n", b'{"working_dir":"/"}\n', b'{"role":5}\n', b"  ",
])), cut=st.integers(0, 500))  # fmt: skip
def test_the_scanner_counts_what_the_parser_yields(data: list[bytes], cut: int) -> None:
    whole = b"".join(data)
    messages = list(SOURCE.messages(iter([whole[:cut], whole[cut:]])))
    assert b"".join(message.raw for message in messages) == whole
    scanner = SOURCE.scanner(GROUP + SESSION, "session.jsonl")
    assert scanner
    scanner.feed(whole[:cut])
    scanner.feed(whole[cut:])
    assert scanner.finish().messages == sum(m.role in ("user", "assistant", "system", "tool") for m in messages)
