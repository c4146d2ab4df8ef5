"""The search index's SQLite file: where it is, opened, made anew when it is damaged or another's.

docs/format/cache.md describes it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ctxstore.errors import StorageError
from ctxstore.history.engine import Engine

if TYPE_CHECKING:
    import sqlite3

NAME = "search.sqlite"
VERSION = 1
APPLICATION = 0x63747873
"""``ctxs``: told apart from any other database."""

WAIT = 20.0
"""Seconds to wait for another process that brings the index up to date."""

_SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE contexts (name BLOB PRIMARY KEY, head BLOB, line INTEGER, position INTEGER, agent TEXT, project TEXT,
                       problem TEXT) WITHOUT ROWID;
CREATE INDEX contexts_by_line ON contexts (line);
CREATE TABLE lines (line INTEGER PRIMARY KEY, tip INTEGER);
CREATE TABLE commits (line INTEGER, position INTEGER, id BLOB, tree BLOB, time INTEGER, forgotten INTEGER,
                      PRIMARY KEY (line, position)) WITHOUT ROWID;
CREATE INDEX commits_by_id ON commits (id);
CREATE TABLE gone (tree BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE messages (id INTEGER PRIMARY KEY, hash INTEGER, text INTEGER, role INTEGER, time INTEGER);
CREATE INDEX messages_by_hash ON messages (hash);
CREATE INDEX messages_by_text ON messages (text);
CREATE TABLE held (message INTEGER, line INTEGER, first INTEGER, last INTEGER, place INTEGER, length INTEGER,
                   copies INTEGER, PRIMARY KEY (message, line, first)) WITHOUT ROWID;
CREATE TABLE texts (hash INTEGER PRIMARY KEY, id INTEGER);
CREATE VIRTUAL TABLE words USING fts5(text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('hashsize', {32 << 20});
PRAGMA user_version = {VERSION};
PRAGMA application_id = {APPLICATION};
"""


def index_folder(engine: Engine) -> str | None:
    """Where the index is kept: in the repository's cache folder; of one that can't be written, in the user's own.

    None where neither can be.
    """
    folder = engine.storage.cache_folder()
    if folder is None:
        return None
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = home if os.path.isabs(home) else os.path.expanduser("~/.cache")
    own = os.path.join(base, "ctxstore", engine.config.id)
    return next(filter(_is_usable, (folder, own)), None)


def _is_usable(folder: str) -> bool:
    """Whether files can be made in a folder, which is made if it is not there."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def open_index(folder: str | None, repository: str) -> sqlite3.Connection:
    """The index in `folder`, made anew when it is damaged or another's; a temporary one where there is no folder.

    Raises `StorageError`.
    """
    import sqlite3

    path = os.path.join(folder, NAME) if folder else ""
    try:
        return _prepare(_connect(path), repository)
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise StorageError(
                f"{path} is locked by another process", hint="try again when it is done; the file is only a cache"
            ) from error
        return _anew(path, repository)
    except (sqlite3.DatabaseError, OSError):
        return _anew(path, repository)


def is_busy(error: Exception) -> bool:
    """Whether another process holds the file."""
    import sqlite3

    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _anew(path: str, repository: str) -> sqlite3.Connection:
    import sqlite3

    try:
        remove_index(path)
        return _prepare(_connect(path), repository)
    except (sqlite3.Error, OSError) as error:
        hint = "this Python's SQLite is without FTS5" if "fts5" in str(error) else "free some space"
        raise StorageError(f"{path}: the search index can't be made: {error}", hint=hint) from error


def remove_index(path: str) -> None:
    """Remove the file and what SQLite keeps beside it."""
    for suffix in ("-journal", "-wal", "-shm", ""):
        try:
            os.unlink(path + suffix)
        except FileNotFoundError:
            pass
        except IsADirectoryError:
            raise StorageError(f"{path + suffix} is a folder", hint="move it away: a cache is kept there") from None


def _connect(path: str) -> sqlite3.Connection:
    import sqlite3

    if path:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        except FileExistsError:
            pass
    return sqlite3.connect(path, timeout=10.0, isolation_level=None)


def _prepare(database: sqlite3.Connection, repository: str) -> sqlite3.Connection:
    try:
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA cache_size = -32000")
        database.execute("PRAGMA mmap_size = 268435456")
        database.execute("PRAGMA trusted_schema = OFF")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if (version, application) != (VERSION, APPLICATION):
            _make(database, is_empty=version == 0)
        if read_meta(database, "repository", repository) != repository:
            raise _damaged("another repository's")
        if database.execute("SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone():
            raise _damaged("not as it was made")
        write_meta_once(database, "repository", repository)
        return database
    except BaseException:
        database.close()
        raise


def _make(database: sqlite3.Connection, *, is_empty: bool) -> None:
    if not is_empty or database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
        raise _damaged("another version")
    database.executescript("BEGIN EXCLUSIVE;" + _SCHEMA + "COMMIT;")


def compact(database: sqlite3.Connection) -> bool:
    """Put what many additions left in pieces together, and give the space back; False if somebody reads meanwhile."""
    import sqlite3

    try:
        database.execute("INSERT INTO words (words) VALUES ('optimize')")
        database.execute("VACUUM")
        return True
    except sqlite3.OperationalError as error:
        if is_busy(error) or getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            return False  # it needs as much space again; the index is as good without
        raise


def _damaged(what: str) -> Exception:
    import sqlite3

    return sqlite3.DatabaseError(what)


def read_meta(database: sqlite3.Connection, key: str, default: object = None) -> object:
    """What is noted under a key."""
    row = database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else row[0]


def write_meta(database: sqlite3.Connection, key: str, value: object) -> None:
    """Note something."""
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def write_meta_once(database: sqlite3.Connection, key: str, value: object) -> None:
    """Note something that is not noted yet."""
    if read_meta(database, key) is None:
        write_meta(database, key, value)


@contextmanager
def sole_writer(folder: str | None, wait: float = WAIT) -> Iterator[bool]:
    """Keep other processes from changing the index meanwhile. False: one is at it, and was after `wait` seconds."""
    if folder is None:
        yield True
        return
    fd = os.open(os.path.join(folder, "search.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        yield _lock(fd, time.monotonic() + wait)
    finally:
        os.close(fd)


def _lock(fd: int, until: float) -> bool:
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        except OSError:  # a file system without locks: SQLite's own have to do
            return True
