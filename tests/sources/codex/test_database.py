"""Codex's databases. They receive the rows that a restored session needs, and no other change."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ctxstore.errors import Conflict, StorageError
from ctxstore.sources.codex import Codex
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext
from tests.sources.homes.codex import CONTEXT, KEY, PROJECT, THREAD, line, rollout

NEW = "01a20000-0000-7000-8000-00000000000b"
OTHER = "01a10000-0000-7000-8000-00000000000c"
NOW = 1_795_272_418 * 10**9

THREADS = """
    CREATE TABLE threads (
        id TEXT PRIMARY KEY, rollout_path TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
        source TEXT NOT NULL, model_provider TEXT NOT NULL, cwd TEXT NOT NULL, title TEXT NOT NULL,
        sandbox_policy TEXT NOT NULL, approval_mode TEXT NOT NULL, tokens_used INTEGER NOT NULL DEFAULT 0,
        has_user_event INTEGER NOT NULL DEFAULT 0, archived INTEGER NOT NULL DEFAULT 0, archived_at INTEGER,
        git_branch TEXT, cli_version TEXT NOT NULL DEFAULT '', first_user_message TEXT NOT NULL DEFAULT '',
        model TEXT, created_at_ms INTEGER, future TEXT NOT NULL DEFAULT 'x'
    )
"""
HISTORY = """
    CREATE TABLE thread_turns (thread_id TEXT NOT NULL, turn_id TEXT NOT NULL, PRIMARY KEY (thread_id, turn_id));
    CREATE TABLE thread_items (thread_id TEXT NOT NULL, item_id TEXT NOT NULL);
    CREATE TABLE thread_history_projection_state (
        thread_id TEXT PRIMARY KEY, next_rollout_byte_offset INTEGER NOT NULL
    )
"""


def run(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(script)


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A home with databases of three versions, and one session in the newest."""
    (tmp_path / "state_4.sqlite").write_bytes(b"older")
    run(tmp_path / "state_5.sqlite", f"PRAGMA journal_mode = WAL; {THREADS}")
    run(
        tmp_path / "state_5.sqlite",
        "INSERT INTO threads VALUES ('" + OTHER + "', '/r', 1, 1, 'cli', 'ada', '/', 'Other', '{\"type\":\"strict\"}',"
        " 'untrusted', 0, 1, 0, NULL, NULL, '', '', NULL, 1, 'y')",
    )
    run(tmp_path / "thread_history_1.sqlite", HISTORY)
    return tmp_path


def stored(text: str = rollout(), key: str = KEY) -> StoredContext:
    def read(_: str) -> Iterator[bytes]:
        yield text.encode()

    return StoredContext(CONTEXT, PROJECT, [key], read)


def index_entries(root: Path, change: ContextChange, what: StoredContext | None = None) -> list[IndexEntry]:
    return list(Codex().index_entries(what or stored(), change, str(root)))


def apply(root: Path, change: ContextChange, what: StoredContext | None = None) -> None:
    for each in index_entries(root, change, what):
        if not each.is_there(str(root)):
            each.apply(str(root))
        assert each.is_there(str(root))


def row(root: Path, id: str) -> dict[str, Any]:
    with closing(sqlite3.connect(root / "state_5.sqlite")) as database:
        database.row_factory = sqlite3.Row
        return dict(database.execute("SELECT * FROM threads WHERE id = ?", (id,)).fetchone() or {})


def test_a_home_without_databases_needs_nothing(tmp_path: Path) -> None:
    assert index_entries(tmp_path, ContextChange(now=NOW)) == []
    assert index_entries(tmp_path / "not there", ContextChange(now=NOW)) == []


def test_a_session_is_listed_with_what_its_rollout_says(root: Path) -> None:
    before = row(root, OTHER)
    apply(root, ContextChange(now=NOW))
    found = row(root, THREAD)
    assert found["rollout_path"] == str(root / KEY)
    assert (found["title"], found["first_user_message"], found["has_user_event"]) == (*["Oil the wheels"] * 2, 1)
    assert (found["cwd"], found["model"], found["model_provider"]) == (PROJECT, "engine-2", "ada")
    assert (found["source"], found["cli_version"], found["approval_mode"]) == ("exec", "0.169.0", "never")
    assert found["created_at_ms"] == 1769851800000 and found["updated_at"] == NOW // 10**9
    assert (found["archived"], found["future"]) == (0, "x")
    assert row(root, OTHER) == before


def test_a_policy_the_rollout_does_not_name_is_that_of_the_newest_session(root: Path) -> None:
    apply(root, ContextChange(now=NOW))
    assert row(root, THREAD)["sandbox_policy"] == '{"type":"strict"}'
    run(root / "state_5.sqlite", "DELETE FROM threads")
    apply(root, ContextChange(now=NOW))
    assert row(root, THREAD)["sandbox_policy"] == "read-only"


def test_a_new_session_has_its_own_row_id_path_and_folder(root: Path) -> None:
    change = ContextChange(session=NEW, paths=((PROJECT, "/work/engine"),), until="msg_1", now=NOW)
    apply(root, change)
    found = row(root, NEW)
    assert found["rollout_path"].endswith(f"-{NEW}.jsonl") and found["cwd"] == "/work/engine"
    assert row(root, THREAD) == {}


def test_a_row_that_is_there_keeps_all_but_what_decides(root: Path) -> None:
    apply(root, ContextChange(now=NOW))
    run(
        root / "state_5.sqlite",
        f"UPDATE threads SET title = 'Mine', archived = 1, archived_at = 5 WHERE id = '{THREAD}'",
    )
    (listed, _) = index_entries(root, ContextChange(now=NOW))
    assert not listed.is_there(str(root))
    apply(root, ContextChange(now=NOW))
    found = row(root, THREAD)
    assert (found["title"], found["archived"], found["archived_at"]) == ("Mine", 0, None)


def test_a_row_is_there_whether_its_rollout_is_packed_or_not(root: Path) -> None:
    apply(root, ContextChange(now=NOW))
    run(root / "state_5.sqlite", "UPDATE threads SET rollout_path = rollout_path || '.zst'")
    assert index_entries(root, ContextChange(now=NOW))[0].is_there(str(root))


def test_an_archived_session_is_listed_as_such(root: Path) -> None:
    key = f"archived_sessions/{os.path.basename(KEY)}"
    apply(root, ContextChange(now=NOW), stored(key=key))
    assert (row(root, THREAD)["archived"], row(root, THREAD)["rollout_path"]) == (1, str(root / key))


def test_a_column_of_a_later_version_that_must_have_a_value_is_named(root: Path) -> None:
    run(
        root / "state_5.sqlite",
        f"DROP TABLE threads; {THREADS.replace('future TEXT', 'x INTEGER NOT NULL, future TEXT')}",
    )
    with pytest.raises(Conflict, match="'x'"):
        apply(root, ContextChange(now=NOW))
    assert row(root, THREAD) == {}


def test_a_database_of_a_version_without_sessions_is_left_alone(root: Path) -> None:
    run(root / "state_6.sqlite", "CREATE TABLE other (id)")
    assert [type(each).__name__ for each in index_entries(root, ContextChange(now=NOW))] == ["StaleHistory"]


def test_a_locked_database_is_a_conflict_that_names_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxstore.sources.codex.database._SECONDS", 0.05)
    (listed, _) = index_entries(root, ContextChange(now=NOW))
    with closing(sqlite3.connect(root / "state_5.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Conflict, match=r"state_5\.sqlite is locked"):
            listed.apply(str(root))
        other.execute("ROLLBACK")


def test_what_is_no_database_is_named(root: Path) -> None:
    (root / "state_9.sqlite").write_bytes(b"no database at all, and long enough to be one" * 100)
    with pytest.raises(StorageError, match=r"state_9\.sqlite") as caught:
        index_entries(root, ContextChange(now=NOW))
    assert "move it away" in str(caught.value.hint)
    settings = StoredContext("codex/home", None, ["config.toml"], lambda _: iter(()))
    assert index_entries(root, ContextChange(now=NOW), settings) == []


def test_what_codex_remembers_of_another_rollout_is_forgotten(root: Path) -> None:
    history = root / "thread_history_1.sqlite"
    run(
        history,
        f"INSERT INTO thread_turns VALUES ('{THREAD}', 't1'), ('{THREAD}', 't9'), ('{OTHER}', 't9');"
        f"INSERT INTO thread_items VALUES ('{THREAD}', 'i1'), ('{OTHER}', 'i2');"
        f"INSERT INTO thread_history_projection_state VALUES ('{THREAD}', 10), ('{OTHER}', 10)",
    )
    apply(root, ContextChange(now=NOW))
    for table in ("thread_turns", "thread_items", "thread_history_projection_state"):
        assert {found for (found,) in rows(history, f"SELECT thread_id FROM {table}")} == {OTHER}


@pytest.mark.parametrize(("offset", "stale"), [(0, False), (len(rollout()), False), (len(rollout()) + 1, True)])
def test_what_codex_remembers_of_the_same_rollout_stays(root: Path, offset: int, stale: bool) -> None:
    run(
        root / "thread_history_1.sqlite",
        f"INSERT INTO thread_turns VALUES ('{THREAD}', 't1'), ('{THREAD}', 't2');"
        f"INSERT INTO thread_history_projection_state VALUES ('{THREAD}', {offset})",
    )
    assert index_entries(root, ContextChange(now=NOW))[1].is_there(str(root)) is not stale


def test_text_that_can_be_in_no_database_is_still_listed(root: Path) -> None:
    text = line("session_meta", {"id": THREAD, "cwd": "/a\udcff", "git": {"branch": ["odd"]}, "source": {"x": 1}})
    apply(root, ContextChange(now=NOW), stored(text))
    assert (row(root, THREAD)["cwd"], row(root, THREAD)["git_branch"]) == ("/a?", '["odd"]')
