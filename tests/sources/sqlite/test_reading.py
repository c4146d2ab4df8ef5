"""Reads of a database. They see one moment of it, and change nothing beside it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxstore.errors import SourceError
from ctxstore.sources.sqlite.contents import copy_of
from ctxstore.sources.sqlite.database import open_database

WAL, OLDER = "WAL", "DELETE"
HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute(sys.argv[2])
database.execute("INSERT INTO wheel VALUES (3, 'third')")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    folder = tmp_path / "agent"
    folder.mkdir()
    return str(folder / "agent.db")


def make(path: str, mode: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA journal_mode = {mode}")
        database.execute("CREATE TABLE wheel (id INTEGER PRIMARY KEY, name TEXT)")
        database.execute("INSERT INTO wheel VALUES (1, 'first'), (2, 'second')")
        database.commit()


@pytest.fixture
def holding(path: str) -> Iterator[list[subprocess.Popen[str]]]:
    """A list for programs that keep the database open. They are ended after the test."""
    running: list[subprocess.Popen[str]] = []
    yield running
    for process in running:
        process.communicate()


def hold(path: str, begin: str) -> subprocess.Popen[str]:
    """Starts another program that is in the middle of a transaction."""
    command = [sys.executable, "-c", HOLD, path, begin]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    return process


def names(path: str, patience: float = 0.05) -> list[str]:
    with open_database(path, patience=patience) as database:
        return [name for (name,) in database.execute("SELECT name FROM wheel ORDER BY id")]


def folder_of(path: str) -> dict[str, bytes]:
    """Reads the files beside the database, byte for byte, except the index of the log, which every reader may write."""
    folder = Path(path).parent
    return {entry.name: b"" if entry.name.endswith("-shm") else entry.read_bytes() for entry in folder.iterdir()}


@pytest.mark.parametrize("mode", [WAL, OLDER])
def test_a_database_nobody_uses_is_read_without_a_trace(path: str, mode: str) -> None:
    make(path, mode)
    before = folder_of(path)
    assert names(path) == ["first", "second"]
    assert b"".join(copy_of(path, ())())
    assert folder_of(path) == before and list(before) == ["agent.db"]


def test_what_is_only_in_the_log_is_read_and_stays_there(path: str) -> None:
    make(path, WAL)
    with closing(sqlite3.connect(path)) as agent:
        agent.execute("INSERT INTO wheel VALUES (3, 'third')")
        agent.commit()
        before = folder_of(path)
        assert names(path) == ["first", "second", "third"]
        assert b"third" in b"".join(copy_of(path, ())())
        assert folder_of(path) == before and set(before) == {"agent.db", "agent.db-wal", "agent.db-shm"}


@pytest.mark.parametrize("index", [True, False])
def test_what_a_killed_program_left_in_the_log_is_read_and_stays_there(path: str, index: bool) -> None:
    make(path, WAL)
    left = path.replace("agent.db", "left.db")
    with closing(sqlite3.connect(path)) as agent:
        agent.execute("INSERT INTO wheel VALUES (3, 'third')")
        agent.commit()
        for end in ("", "-wal", "-shm") if index else ("", "-wal"):
            shutil.copyfile(path + end, left + end)
    before = folder_of(left)
    assert names(left) == ["first", "second", "third"]
    assert b"third" in b"".join(copy_of(left, ())())
    assert folder_of(left) == before


def test_a_writer_is_not_held_up_by_a_reader(path: str) -> None:
    make(path, WAL)
    with closing(sqlite3.connect(path, timeout=0)) as agent:
        agent.execute("INSERT INTO wheel VALUES (3, 'third')")
        agent.commit()
        with open_database(path) as database:
            agent.execute("INSERT INTO wheel VALUES (4, 'fourth')")
            agent.commit()
            assert database.execute("SELECT count(*) FROM wheel").fetchone() == (3,)  # one moment
        assert len(names(path)) == 4


def test_a_transaction_that_is_not_done_is_not_seen(path: str, holding: list[subprocess.Popen[str]]) -> None:
    make(path, WAL)
    holding.append(hold(path, "BEGIN IMMEDIATE"))
    assert names(path) == ["first", "second"]


def test_a_database_somebody_locked_for_himself_is_named_in_time(
    path: str, holding: list[subprocess.Popen[str]]
) -> None:
    make(path, OLDER)
    holding.append(hold(path, "BEGIN EXCLUSIVE"))
    with pytest.raises(SourceError, match="locked"):
        names(path)
    with pytest.raises(SourceError, match="locked"):
        b"".join(copy_of(path, ())())


def test_a_log_somebody_keeps_the_index_of_to_himself_is_read_from_a_copy(
    path: str, holding: list[subprocess.Popen[str]]
) -> None:
    make(path, WAL)
    holding.append(hold(path, "PRAGMA locking_mode = EXCLUSIVE"))
    before = folder_of(path)
    assert names(path) == ["first", "second", "third"] and folder_of(path) == before


def test_a_link_in_its_place_is_not_followed(path: str, tmp_path: Path) -> None:
    make(str(tmp_path / "elsewhere.db"), WAL)
    os.symlink(tmp_path / "elsewhere.db", path)
    with pytest.raises(SourceError, match="symlink"):
        names(path)


def test_what_is_no_database_is_named(path: str) -> None:
    for data, reason in (
        (b"", "empty"),
        (b"\0" * 4096, "not a SQLite"),
        (b"SQLite format 3\0", "not a SQLite"),
        (b"SQLite format 3\0" + b"\xff" * 4080, "."),
    ):
        Path(path).write_bytes(data)
        with pytest.raises(SourceError, match=reason):
            names(path)
    os.unlink(path)
    os.mkfifo(path)
    with pytest.raises(SourceError, match="not a file"):
        names(path)


def test_a_database_cut_short_is_named(path: str) -> None:
    make(path, OLDER)
    os.truncate(path, 4096)
    with pytest.raises(SourceError, match="cut short"):
        names(path)


def test_a_database_with_overwritten_pages_is_named(path: str) -> None:
    make(path, OLDER)
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\xee" * 4096)
    with pytest.raises(SourceError, match="damaged"):
        names(path)


def test_two_gigabytes_of_nothing_are_named_at_once(path: str) -> None:
    with open(path, "wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(SourceError, match="not a SQLite"):
        names(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_database_that_may_not_be_read_is_named(path: str) -> None:
    make(path, WAL)
    os.chmod(path, 0)
    with pytest.raises(SourceError, match=r"[Pp]ermission"):
        names(path)


def test_the_copy_opens_as_a_database_and_holds_no_tokens(path: str, tmp_path: Path) -> None:
    make(path, WAL)
    with closing(sqlite3.connect(path)) as agent:
        agent.execute("CREATE TABLE account (token TEXT)")
        agent.execute("INSERT INTO account VALUES ('tok-secret')")
        agent.commit()
    copy = b"".join(copy_of(path, ("account", "missing"))())
    assert b"tok-secret" not in copy and b"tok-secret" in Path(path).read_bytes()
    (tmp_path / "back.db").write_bytes(copy)
    assert names(str(tmp_path / "back.db")) == ["first", "second"]


def test_a_trigger_of_the_agents_does_not_carry_tokens_elsewhere(path: str, tmp_path: Path) -> None:
    make(path, WAL)
    trigger = "CREATE TRIGGER kept BEFORE DELETE ON account BEGIN UPDATE wheel SET name = old.token; END"
    with closing(sqlite3.connect(path)) as agent:
        agent.execute("CREATE TABLE account (token TEXT)")
        agent.execute("INSERT INTO account VALUES ('tok-secret')")
        agent.execute(trigger)
        agent.commit()
    copy = b"".join(copy_of(path, ("account",))())
    assert b"tok-secret" not in copy
    (tmp_path / "back.db").write_bytes(copy)
    with closing(sqlite3.connect(tmp_path / "back.db")) as back:
        assert back.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall() == [(trigger,)]


def test_equal_databases_give_equal_copies(path: str) -> None:
    make(path, WAL)
    assert b"".join(copy_of(path, ())()) == b"".join(copy_of(path, ())())


WRITE = """
import sqlite3, sys, threading
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=9)
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
print("held", flush=True)
while not ended.is_set():
    database.execute("UPDATE wheel SET name = name || 'x' WHERE id = 2")
"""


@pytest.mark.parametrize("mode", [WAL, OLDER])
def test_a_copy_beside_a_busy_writer_is_one_moment_or_given_up(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr("ctxstore.sources.sqlite.contents._STEP", 1)
    make(path, mode)
    command = [sys.executable, "-c", WRITE, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout and writer.stdout.readline() == "held\n"
        try:
            copy = b"".join(copy_of(path, ())())
        except SourceError as error:
            assert error.message.partition(":")[0].startswith(("its agent writes", "locked", "changed while"))
            copy = b""
        writer.communicate()
    if copy:
        (tmp_path / "back.db").write_bytes(copy)
        with closing(sqlite3.connect(tmp_path / "back.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_no_copy_is_left_behind(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path, WAL)
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    blocks = copy_of(path, ())()
    next(blocks)
    (left,) = folder.iterdir()
    assert left.stat().st_mode & 0o777 == 0o700
    assert [entry.stat().st_mode & 0o777 for entry in left.iterdir()] == [0o600]
    blocks.close()  # the store has failed meanwhile
    assert not list(folder.iterdir())
