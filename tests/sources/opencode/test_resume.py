"""A session restored into OpenCode's database: unchanged, elsewhere, with another id, or up to a message."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.errors import Conflict, InvalidInput, NotFound
from ctxstore.sources.opencode import OpenCode
from ctxstore.sources.opencode.ids import renamed
from ctxstore.sources.protocol import FoundContext, SourceHome
from ctxstore.sources.resumable import ContextChange, IndexEntry, Resumable, StoredContext
from tests.sources.homes import opencode as home
from tests.sources.homes.opencode import CHILD, FOLDER, OLD, PROJECT, SESSION, add_turn

NAME = f"opencode/-home-ada-engine/{SESSION}"
NEW = "ses_00000000000aZZZZZZZZZZZZZZ"
SOURCE = OpenCode()


@pytest.fixture
def root(tmp_path: Path) -> SourceHome:
    home.make(tmp_path)
    return SOURCE.discover({"HOME": str(tmp_path)})[0]


def stored(root: SourceHome, name: str = NAME) -> StoredContext:
    """Captures the present state of the context."""
    context = SOURCE.find_context(root, name, lambda _: None)
    assert isinstance(context, FoundContext)
    data = {
        file.key: b"".join(file.content()) if file.content else Path(file.path).read_bytes()
        for file in context.files
        if file.content or os.path.isfile(file.path)
    }

    def read(key: str) -> Iterator[bytes]:
        for at in range(0, len(data[key]), 100):
            yield data[key][at : at + 100]

    return StoredContext(name, FOLDER, list(data), read)


def open_at(root: SourceHome) -> sqlite3.Connection:
    return sqlite3.connect(os.path.join(root.path, "opencode.db"))


def put(root: SourceHome, kept: StoredContext, change: ContextChange) -> Sequence[IndexEntry]:
    found = SOURCE.index_entries(kept, change, root.path)
    for each in found:
        each.apply(root.path)
        assert each.is_there(root.path)
    return found


def dump(root: SourceHome) -> list[str]:
    with closing(open_at(root)) as database:
        return sorted(line for line in database.iterdump() if line.startswith("INSERT"))


def rows(root: SourceHome, query: str) -> list[tuple[object, ...]]:
    with closing(open_at(root)) as database:
        assert not database.execute("PRAGMA foreign_key_check").fetchall()
        return database.execute(query).fetchall()


def test_it_is_resumable() -> None:
    assert isinstance(SOURCE, Resumable) and SOURCE.program.everywhere


def test_what_was_added_goes_and_what_was_taken_away_or_changed_comes_back(root: SourceHome) -> None:
    kept, before = stored(root), dump(root)
    (entry,) = SOURCE.index_entries(kept, ContextChange(), root.path)
    assert entry.is_there(root.path)
    with closing(open_at(root)) as agent:
        add_turn(agent, SESSION, 9, "And now?", "Turned.")
        agent.execute("DELETE FROM part WHERE rowid = 1")
        agent.execute("UPDATE part SET data = '{}' WHERE rowid = 2")
        agent.execute("UPDATE session SET title = 'x' WHERE id = ?", (SESSION,))
        agent.commit()
    assert not entry.is_there(root.path)
    put(root, kept, ContextChange())
    assert dump(root) == before  # other sessions and accounts are unchanged


def test_a_session_that_was_deleted_comes_back(root: SourceHome) -> None:
    kept = stored(root)
    with closing(open_at(root)) as agent:
        agent.execute("PRAGMA foreign_keys = ON")
        agent.execute("DELETE FROM project")
        agent.execute("DELETE FROM event_sequence WHERE aggregate_id = ?", (SESSION,))
        agent.commit()
    put(root, kept, ContextChange())
    assert rows(root, "SELECT id FROM session") == [(SESSION,)]
    assert rows(root, "SELECT worktree FROM project") == [(FOLDER,)]


def test_a_copy_has_ids_of_its_own_everywhere_and_the_original_stays(root: SourceHome) -> None:
    before = dump(root)
    put(root, stored(root), ContextChange(session=NEW, now=9 * 10**18))
    assert set(dump(root)) > set(before)
    texts = "SELECT role.data ->> 'role', part.data ->> 'text' FROM part JOIN message role ON role.id = message_id"
    of = " WHERE role.session_id = '{}' ORDER BY role.time_created, role.id, part.id"
    assert rows(root, texts + of.format(NEW)) == rows(root, texts + of.format(SESSION))
    old = {id for (id,) in rows(root, f"SELECT id FROM message WHERE session_id = '{SESSION}'")}
    for table in ("message", "part", "todo"):
        of_new = rows(root, f"SELECT * FROM {table} WHERE session_id = '{NEW}'")
        assert of_new and not any(id in str(row) for row in of_new for id in [*old, SESSION])
    assert rows(root, f"SELECT time_updated, parent_id FROM session WHERE id = '{NEW}'") == [(9 * 10**12, None)]
    parents = rows(root, f"SELECT data ->> 'parentID' FROM message WHERE session_id = '{NEW}'")
    first = rows(root, f"SELECT id FROM message WHERE session_id = '{NEW}' ORDER BY time_created, id")[0]
    assert sorted(parents, key=str) == sorted([(None,), first], key=str)


def test_a_copy_up_to_a_message_ends_there(root: SourceHome) -> None:
    with closing(open_at(root)) as agent:
        last, _ = add_turn(agent, SESSION, 9, "And now?", "Turned.")
        agent.commit()
    kept = stored(root)
    for until in (m.id for m in SOURCE.messages(kept.read("session.jsonl")) if m.role in ("user", "assistant")):
        put(root, kept, ContextChange(session=NEW, until=until))
        found = rows(root, f"SELECT id FROM message WHERE session_id = '{NEW}' ORDER BY time_created, id")
        assert found[-1] == (renamed(until, NEW),)
        parts = f"SELECT count(*) FROM part WHERE session_id = '{NEW}' AND message_id NOT IN (SELECT id FROM message)"
        assert rows(root, parts) == [(0,)]
    assert last in str(rows(root, f"SELECT id FROM message WHERE session_id = '{SESSION}'"))
    with pytest.raises(NotFound):
        SOURCE.restore_layout(kept, ContextChange(until="msg_none"))


def test_folders_it_goes_by_are_mapped_and_what_was_said_is_not(root: SourceHome) -> None:
    with closing(open_at(root)) as agent:
        agent.execute("ALTER TABLE session ADD COLUMN path TEXT")
        agent.execute("UPDATE session SET path = 'home/ada/engine'")
        add_turn(agent, SESSION, 9, f"Look in {FOLDER}", "Looked.")
        home.insert(agent, "project", id="other", worktree="/srv/engine", sandboxes="[]")
        agent.commit()
    change = ContextChange(session=NEW, paths=((FOLDER, "/srv/engine/deep"),))
    kept = stored(root)
    put(root, kept, change)
    columns = "SELECT directory, path, project_id FROM session WHERE id = "
    assert rows(root, f"{columns}'{NEW}'") == [("/srv/engine/deep", "srv/engine/deep", "other")]
    assert rows(root, f"{columns}'{SESSION}'") == [(FOLDER, "home/ada/engine", PROJECT)]
    said = rows(root, f"SELECT group_concat(data) FROM part WHERE session_id = '{NEW}'")[0][0]
    assert f"Look in {FOLDER}" in str(said)
    paths = rows(root, f"SELECT DISTINCT data ->> '$.path.cwd' FROM message WHERE session_id = '{NEW}'")
    assert paths == [(None,), ("/srv/engine/deep",)]
    assert SOURCE.context_of(kept, change) == f"opencode/-srv-engine-deep/{NEW}"


def test_a_database_that_is_not_there_is_not_made(root: SourceHome) -> None:
    kept = stored(root)
    os.unlink(os.path.join(root.path, "opencode.db"))
    (entry,) = SOURCE.index_entries(kept, ContextChange(), root.path)
    assert not entry.is_there(root.path)
    with pytest.raises(Conflict, match="not there"):
        entry.apply(root.path)
    assert not os.path.lexists(os.path.join(root.path, "opencode.db"))


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE message DROP COLUMN data",  # older: a saved column does not exist
        "DROP TABLE todo",
        # newer: needs a column that was not saved
        "ALTER TABLE message ADD COLUMN needed TEXT NOT NULL DEFAULT (NULL)",
        "UPDATE message SET session_id = 'ses_other'",  # the ids belong to another session
        "DROP TABLE session",
    ],
)
def test_what_does_not_fit_changes_nothing_and_says_so(root: SourceHome, statement: str) -> None:
    kept = stored(root)
    with closing(open_at(root)) as agent:
        agent.execute("DELETE FROM message" if "NOT NULL" in statement else "SELECT 1")
        agent.execute(statement)
        agent.commit()
    before = dump(root)
    (entry,) = SOURCE.index_entries(kept, ContextChange(), root.path)
    assert not entry.is_there(root.path)
    with pytest.raises(Conflict):
        entry.apply(root.path)
    assert dump(root) == before


def test_a_locked_database_is_a_conflict(root: SourceHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxstore.sources.sqlite.restore_rows.PATIENCE", 0.05)
    (entry,) = SOURCE.index_entries(stored(root), ContextChange(), root.path)
    with closing(open_at(root)) as agent:
        agent.execute("BEGIN IMMEDIATE")
        with pytest.raises(Conflict, match="locked"):
            entry.apply(root.path)


def test_a_copy_takes_the_files_beside_the_rows_with_it(root: SourceHome) -> None:
    kept = stored(root)
    assert [laid.key for laid in SOURCE.restore_layout(kept, ContextChange())] == [
        k for k in kept.keys if k != "session.jsonl"
    ]
    copied = SOURCE.restore_layout(kept, ContextChange(session=NEW))
    assert [(laid.key, laid.origin) for laid in copied] == [
        (f"storage/session_diff/{NEW}.json", f"storage/session_diff/{SESSION}.json")
    ]


def test_the_whole_database_comes_back_with_an_empty_log(root: SourceHome) -> None:
    kept = stored(root, "opencode/database")
    whole, log = SOURCE.restore_layout(kept, ContextChange())
    assert (whole.key, whole.edit, log.key, log.origin) == ("opencode.db", None, "opencode.db-wal", None)
    assert log.edit and not b"".join(log.edit(iter(())))
    with pytest.raises(InvalidInput):
        SOURCE.restore_layout(kept, ContextChange(session=NEW))
    assert SOURCE.index_entries(kept, ContextChange(), root.path) == []


def test_a_session_in_files_comes_back_as_files_alone(root: SourceHome) -> None:
    kept = stored(root, f"opencode/-home-ada-engine/{OLD}")
    assert [m.role for m in SOURCE.messages(kept.read("session.jsonl"))] == ["meta", "user", "assistant"]
    assert "session.jsonl" not in {laid.key for laid in SOURCE.restore_layout(kept, ContextChange())}
    assert SOURCE.index_entries(kept, ContextChange(), root.path) == []
    laid = SOURCE.restore_layout(kept, ContextChange(paths=((FOLDER, "/srv/e"),)))
    changed = {each.key: b"".join(each.edit(kept.read(each.key))) for each in laid if each.edit and each.origin}
    assert [b'"/srv/e"' in data for data in changed.values()] == [True]
    with pytest.raises(InvalidInput):
        SOURCE.restore_layout(kept, ContextChange(session=NEW))


def test_a_new_session_sorts_before_earlier_ones() -> None:
    early, late = (SOURCE.new_session(now, bytes(16)) for now in (10**18, 10**18 + 10**15))
    assert late < early < SOURCE.new_session(10**18 - 10**12, b"\xff" * 16)
    assert len(early) == len(CHILD)


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, unique=True))
def test_ids_of_a_copy_sort_as_those_of_the_original(times: list[int]) -> None:
    ids = sorted(f"msg_{time:012x}" + "aB3" * 4 + "zz" for time in times)
    made = [renamed(id, NEW) for id in ids]
    assert made == sorted(made) and len({*made, *ids}) == 2 * len(ids)
