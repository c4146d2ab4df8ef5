"""The SQLite file of the search index: its location, opening and locking.

A file that is damaged or belongs to another repository is replaced. docs/format/cache.md describes the tables.
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
from ctxstore.ownership import make_folders
from ctxstore.storage.caches import close_lock_file, open_lock_file, prepare_database, remove_database

if TYPE_CHECKING:
    import sqlite3

NAME = "search.sqlite"
VERSION = 3
APPLICATION = 0x63747873
"""``ctxs`` in ASCII, the `application_id` that marks a database as a search index."""

WAIT = 20.0
"""The seconds to wait for another process that updates the index."""

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
                   copies INTEGER, file INTEGER, PRIMARY KEY (message, line, first)) WITHOUT ROWID;
CREATE TABLE files (id INTEGER PRIMARY KEY, path BLOB UNIQUE);
CREATE TABLE texts (hash INTEGER PRIMARY KEY, id INTEGER);
CREATE VIRTUAL TABLE words USING fts5(text, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2');
INSERT INTO words (words, rank) VALUES ('hashsize', {32 << 20});
PRAGMA user_version = {VERSION};
PRAGMA application_id = {APPLICATION};
"""


def index_folder(engine: Engine) -> str | None:
    """Returns the folder of the index, or None if the index has to be temporary.

    This is the repository's cache folder, or the user's cache folder if the former is not writable.
    """
    folder = engine.storage.cache_folder()
    if folder is None:
        return None
    cache_home = os.environ.get("XDG_CACHE_HOME", "")
    base = cache_home if os.path.isabs(cache_home) else os.path.expanduser("~/.cache")
    user_folder = os.path.join(base, "ctxstore", engine.config.id)
    return next(filter(_is_usable, (folder, user_folder)), None)


def _is_usable(folder: str) -> bool:
    """Whether files can be created in a folder. Creates the folder if it does not exist."""
    try:
        make_folders(folder)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def open_index(folder: str | None, repository: str) -> sqlite3.Connection:
    """Opens the index in `folder`, or a temporary one if `folder` is None. `repository` is the repository's id.

    Replaces a file that is damaged, of another version or another repository's. Raises `StorageError` if another
    process has locked the file, or if it cannot be created.
    """
    import sqlite3

    path = os.path.join(folder, NAME) if folder else ""
    try:
        return _prepare(_connect(path), repository)
    except sqlite3.OperationalError as error:
        if is_busy(error):
            raise StorageError(
                f"{path} is locked by another process", hint="try again when it has finished; the file is only a cache"
            ) from error
        return _replace_index(path, repository)
    except (sqlite3.DatabaseError, OSError):
        return _replace_index(path, repository)


def is_busy(error: Exception) -> bool:
    """Whether SQLite failed because another process has locked the file."""
    import sqlite3

    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _replace_index(path: str, repository: str) -> sqlite3.Connection:
    """Removes the index and creates an empty one. Raises `StorageError`."""
    import sqlite3

    try:
        remove_index(path)
        return _prepare(_connect(path), repository)
    except (sqlite3.Error, OSError) as error:
        hint = "use a Python whose SQLite has FTS5" if "fts5" in str(error) else "free some space"
        raise StorageError(f"cannot create the search index {path}: {error}", hint=hint) from error


def remove_index(path: str) -> None:
    """Removes the file of the index and SQLite's files beside it. Raises `StorageError` if one is a folder."""
    try:
        remove_database(path)
    except IsADirectoryError as error:
        raise StorageError(
            f"{path}: a folder is in the place of this cache file, or of one beside it", hint="move the folder away"
        ) from error


def _connect(path: str) -> sqlite3.Connection:
    """Opens a database. A new file is readable by its owner only. An empty path is a temporary database."""
    import sqlite3

    if path:
        prepare_database(path)
    return sqlite3.connect(path, timeout=10.0, isolation_level=None)


def _prepare(database: sqlite3.Connection, repository: str) -> sqlite3.Connection:
    """Sets up a connection and checks that the database is this repository's index. Fills an empty database.

    Raises `sqlite3.DatabaseError` if it is another database. On any error the connection is closed.
    """
    try:
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute("PRAGMA cache_size = -32000")
        database.execute("PRAGMA mmap_size = 268435456")
        database.execute("PRAGMA trusted_schema = OFF")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if (version, application) != (VERSION, APPLICATION):
            _create_schema(database, is_empty=version == 0)
        if read_meta(database, "repository", repository) != repository:
            raise _database_error("an index of another repository")
        if database.execute("SELECT 1 FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone():
            raise _database_error("an index with a trigger or view, which ctx does not create")
        write_meta_once(database, "repository", repository)
        return database
    except BaseException:
        database.close()
        raise


def _create_schema(database: sqlite3.Connection, *, is_empty: bool) -> None:
    (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not is_empty or tables:
        raise _database_error("an index of another version")
    database.executescript("BEGIN EXCLUSIVE;" + _SCHEMA + "COMMIT;")


def compact(database: sqlite3.Connection) -> bool:
    """Merges the pieces that many additions left, and returns the free space to the file system.

    Returns False, and leaves the index usable, if another process reads it or the disk is full.
    """
    import sqlite3

    try:
        database.execute("INSERT INTO words (words) VALUES ('optimize')")
        database.execute("VACUUM")
        return True
    except sqlite3.OperationalError as error:
        if is_busy(error) or getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            return False  # compacting temporarily needs the space of a second index, and the index works without it
        raise


def _database_error(what: str) -> Exception:
    import sqlite3

    return sqlite3.DatabaseError(what)


def read_meta(database: sqlite3.Connection, key: str, default: object = None) -> object:
    """Returns the value stored under a key of the table ``meta``, or `default` if there is none."""
    row = database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return default if row is None else row[0]


def write_meta(database: sqlite3.Connection, key: str, value: object) -> None:
    """Stores a value under a key of the table ``meta``."""
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def write_meta_once(database: sqlite3.Connection, key: str, value: object) -> None:
    """Stores a value under a key of the table ``meta`` unless the key exists."""
    if read_meta(database, key) is None:
        write_meta(database, key, value)


@contextmanager
def sole_writer(folder: str | None, wait: float = WAIT) -> Iterator[bool]:
    """Locks the index against updates by other processes. Yields False if another one has it after `wait` seconds."""
    if folder is None:
        yield True
        return
    fd = open_lock_file(os.path.join(folder, "search.lock"))
    try:
        yield _lock(fd, time.monotonic() + wait)
    finally:
        close_lock_file(fd)


def _lock(fd: int, until: float) -> bool:
    """Locks a file. Returns False if it is still locked at the monotonic time `until`."""
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        except OSError:  # a file system without locks: SQLite's own locks must suffice
            return True
