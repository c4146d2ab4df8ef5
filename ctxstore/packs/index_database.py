"""The index's SQLite file: opening it, recreating it when it is damaged, and removing it."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

from ctxstore.packs.format import FRAME_HEADER, MAX_FRAME_RAW, MAX_FRAME_STORED, MAX_OBJECT
from ctxstore.storage.caches import prepare_database, remove_database

if TYPE_CHECKING:
    import sqlite3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (id BLOB, pack INTEGER, frame INTEGER, stored INTEGER, start INTEGER, length INTEGER,
                      kind INTEGER, PRIMARY KEY (id, pack)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS packs (number INTEGER PRIMARY KEY, name TEXT, count INTEGER);
PRAGMA user_version = 2;
"""
_VERSION = 2


def is_location(frame: object, stored: object, start: object, length: object, kind: object) -> bool:
    """Whether the values of a row can be an object's location. SQLite accepts any type in any column."""
    numbers = (
        (frame, 1 << 48),
        (stored, MAX_FRAME_STORED + FRAME_HEADER),
        (start, MAX_FRAME_RAW),
        (length, MAX_OBJECT),
    )
    return type(kind) is int and all(type(n) is int and 0 <= n <= most for n, most in numbers)


def open_database(path: str | None) -> sqlite3.Connection:
    """Opens the database at `path`, and recreates it if it is damaged or of another version.

    Returns a database in memory if `path` is None or the file cannot be opened or recreated.
    """
    import sqlite3  # takes 8 ms, which a run without large packs saves

    if path is None:
        return _prepare(sqlite3.connect(":memory:", check_same_thread=False))
    try:
        return _prepare(_connect(path))
    except (sqlite3.Error, OSError):
        # Damaged or of another version. The database is only a copy, so it may be deleted.
        try:
            remove_database(path)
            return _prepare(_connect(path))
        except (sqlite3.Error, OSError):
            return _prepare(sqlite3.connect(":memory:", check_same_thread=False))


def _connect(path: str) -> sqlite3.Connection:
    import sqlite3

    prepare_database(path)
    return sqlite3.connect(path, check_same_thread=False, timeout=10.0)


def _prepare(database: sqlite3.Connection) -> sqlite3.Connection:
    try:
        # No journal file. SQLite finds a journal by its path, where another process may have put a new database in the
        # meantime. The next process to open the new one would "roll back" its pages to those of the old one.
        # No syncing either. The worst result of a power cut or a kill is a damaged file, which is rebuilt.
        database.execute("PRAGMA journal_mode = MEMORY")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -8000")
        database.execute("PRAGMA mmap_size = 67108864")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            if version != 0 or database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise database_error()("the index cache has another version")
            database.executescript("BEGIN EXCLUSIVE;" + _SCHEMA + "COMMIT;")
        database.execute("SELECT count(*) FROM packs")  # fails if pages after the header are damaged
        return database
    except BaseException:
        database.close()
        raise


def database_error() -> type[Exception]:
    """Returns the base class of SQLite's errors. Imports sqlite3 late, so that runs without a database start faster."""
    import sqlite3

    return sqlite3.DatabaseError


def drop_database(path: str) -> bool:
    """Removes the database and SQLite's files beside it. Returns False if that fails, as in a read-only folder."""
    try:
        remove_database(path)
    except OSError:
        return False
    return True


def is_mostly_dead(database: sqlite3.Connection, live: Container[int]) -> bool:
    """Whether more than half of the objects belong to packs that are not in `live`.

    A pack whose `count` is not an integer is ignored.
    """
    counts = database.execute("SELECT number, count FROM packs WHERE typeof(count) = 'integer'").fetchall()
    dead = sum(count for number, count in counts if number not in live)
    return bool(dead * 2 > sum(count for _, count in counts))
