"""The index's SQLite file: opened, made anew when it is damaged, removed."""

from __future__ import annotations

import os
from collections.abc import Container
from typing import TYPE_CHECKING

from ctxstore.packs.format import FRAME_HEADER, MAX_FRAME_RAW, MAX_FRAME_STORED, MAX_OBJECT

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (id BLOB, pack INTEGER, frame INTEGER, stored INTEGER, start INTEGER, length INTEGER,
                      kind INTEGER, PRIMARY KEY (id, pack)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs (number INTEGER PRIMARY KEY, name TEXT, count INTEGER);
PRAGMA user_version = 2;
"""
_VERSION = 2


def is_place(frame: object, stored: object, start: object, length: object, kind: object) -> bool:
    """Whether an object can lie where a row says: SQLite keeps any type in any column."""
    numbers = (
        (frame, 1 << 48),
        (stored, MAX_FRAME_STORED + FRAME_HEADER),
        (start, MAX_FRAME_RAW),
        (length, MAX_OBJECT),
    )
    return type(kind) is int and all(type(n) is int and 0 <= n <= most for n, most in numbers)


def open_database(path: str | None) -> sqlite3.Connection:
    """The database at `path`, made anew when it is damaged; one in memory when there is no path, or no writing."""
    import sqlite3  # 8 ms that a run without large packs need not pay

    if path is None:
        return _prepare(sqlite3.connect(":memory:", check_same_thread=False))
    try:
        return _prepare(_connect(path))
    except (sqlite3.Error, OSError):
        # Damaged or of another version: it is only a copy.
        try:
            remove_database(path)
            return _prepare(_connect(path))
        except (sqlite3.Error, OSError):
            return _prepare(sqlite3.connect(":memory:", check_same_thread=False))


def _connect(path: str) -> sqlite3.Connection:
    import sqlite3

    try:
        # Only a new one: closing any descriptor of a file lets go of the locks SQLite holds on it in this process.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    return sqlite3.connect(path, check_same_thread=False, timeout=10.0)


def _prepare(database: sqlite3.Connection) -> sqlite3.Connection:
    try:
        # No journal in a file: it goes by the path, where another process may have removed this database and made a
        # new one, which the next to open it would "roll back" to pages of the old one. And no syncing: after a power
        # cut or a kill the worst is a damaged file, which is rebuilt.
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -8000")
        database.execute("PRAGMA mmap_size = 67108864")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            if version != 0 or database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise database_error()("another version")
            database.executescript("BEGIN EXCLUSIVE;" + _SCHEMA + "COMMIT;")
        database.execute("SELECT count(*) FROM packs")  # damage beyond the header shows here
        return database
    except BaseException:
        database.close()
        raise


def database_error() -> type[Exception]:
    """What SQLite raises: asked for late, so that only those who use it load it."""
    import sqlite3

    return sqlite3.DatabaseError


def remove_database(path: str) -> bool:
    """Remove the database and what SQLite keeps beside it; False if it stays, as where nothing may be written."""
    for suffix in ("", "-journal", "-wal", "-shm"):
        try:
            os.unlink(path + suffix)
        except FileNotFoundError:
            pass
        except OSError:
            return False
    return True


def is_mostly_dead(database: sqlite3.Connection, live: Container[int]) -> bool:
    """Whether more than half of the objects are of packs that are not `live`; a count that is none is of none."""
    counts = database.execute("SELECT number, count FROM packs WHERE typeof(count) = 'integer'").fetchall()
    dead = sum(count for number, count in counts if number not in live)
    return bool(dead * 2 > sum(count for _, count in counts))
