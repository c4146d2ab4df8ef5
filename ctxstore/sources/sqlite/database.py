"""A database opened for reading: one moment of it, whatever its agent writes meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ctxstore.errors import SourceError
from ctxstore.sources.sqlite.read_safely import DatabaseFile, OpenMode, find_place, state_of

if TYPE_CHECKING:
    import sqlite3

PATIENCE = 2.0
"""Seconds to wait for another program's lock."""


ROW_LIMIT = 256 << 20
"""Bytes of a row that are believed: a damaged one may claim any length."""


class Garbled(NamedTuple):
    """The bytes of a text that is not UTF-8. SQLite does not validate texts."""

    data: bytes


@contextmanager
def open_database(path: str, *, patience: float = PATIENCE) -> Iterator[sqlite3.Connection]:
    """Yields a connection to the database at `path`, which shows its present state until the end of the block.

    Raises `SourceError`, also within the block. Nothing is written, and no file beside the database is created or
    deleted.
    """
    place = find_place(path)
    with translated():
        if place.way is OpenMode.COPIED:
            with _copied(place) as copy, _connected(copy, patience) as connection:
                yield connection
            return
        with _connected(place, patience) as connection:
            yield connection
    if place.way is OpenMode.STILL and not place.is_as_it_was():
        raise SourceError("changed while it was read: it is read again next time")


@contextmanager
def _connected(place: DatabaseFile, patience: float) -> Iterator[sqlite3.Connection]:
    import sqlite3

    uri = f"file:{quote(os.fsencode(place.path))}?mode=ro" + ("&immutable=1" if place.way is OpenMode.STILL else "")
    # A generator of rows may be closed by another thread than the one that began it.
    connection = sqlite3.connect(uri, uri=True, timeout=patience, isolation_level=None, check_same_thread=False)
    with closing(connection):
        connection.text_factory = text_of
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, ROW_LIMIT)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the moment is now, not at the first row
        yield connection


@contextmanager
def _copied(place: DatabaseFile) -> Iterator[DatabaseFile]:
    """Yields a copy of the file and its log, which SQLite may put in order as it likes."""
    with tempfile.TemporaryDirectory(prefix="ctx-") as folder:
        copy = os.path.join(folder, "copy.db")
        try:
            for end in ("", "-wal"):
                shutil.copyfile(place.path + end, copy + end, follow_symlinks=False)
                os.chmod(copy + end, 0o600)
        except OSError as error:
            raise SourceError(error.strerror or str(error)) from error
        if not place.is_as_it_was():
            raise SourceError("changed while it was read: it is read again next time")
        yield DatabaseFile(copy, OpenMode.SHARED, state_of(copy), state_of(copy + "-wal"))


@contextmanager
def translated() -> Iterator[None]:
    """Translates SQLite's errors about a database for people."""
    import sqlite3

    try:
        yield
    except sqlite3.Error as error:
        raise SourceError(reason_of(error)) from error
    except (UnicodeDecodeError, OverflowError, MemoryError) as error:  # in names, and in what SQLite says of them
        raise SourceError("damaged") from error


def reason_of(error: sqlite3.Error) -> str:
    """Returns the reason why a database could not be read or written."""
    name = getattr(error, "sqlite_errorname", "")
    for start, reason in _REASONS.items():
        if name.startswith(start):
            return reason
    return f"SQLite can't read it: {error}"


_REASONS = {
    "SQLITE_BUSY": "locked by another program",
    "SQLITE_LOCKED": "locked by another program",
    "SQLITE_CORRUPT": "damaged",
    "SQLITE_NOTADB": "not a SQLite database, or an encrypted one",
    "SQLITE_READONLY_ROLLBACK": "a program was ended while it wrote; start the agent once, it puts this in order",
    "SQLITE_FULL": "no space left for a copy of it",
    "SQLITE_IOERR": "could not be read: the disk failed, or is full",
    "SQLITE_PERM": "permission denied",
    "SQLITE_CANTOPEN": "can't be opened: permission denied, or a program was ended while it wrote",
    "SQLITE_TOOBIG": "a row of it is larger than 256 MiB, or damaged",
    "SQLITE_SCHEMA": "its tables were changed while it was read",
}


def text_of(data: bytes) -> str | Garbled:
    """Returns a text from SQLite as a string, or as `Garbled` if it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return Garbled(data)
