"""The content of a file that is only in a database: a session's rows, or a copy of the whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from ctxstore.errors import SourceError
from ctxstore.sources.sqlite.database import open_database, translated
from ctxstore.sources.sqlite.read_safely import OpenMode, find_place
from ctxstore.sources.sqlite.tables import quoted

if TYPE_CHECKING:
    import sqlite3

_BLOCK = 4 << 20
_STEP = 2048
"""Pages copied before a writer is let in, where reading holds one up: 8 MiB, about 10 ms."""
_PAUSE = 0.005
_RESTARTS = 3
"""The most restarts of a copy because of writes, before it is made in one step."""

FileContent = Callable[[], Iterator[bytes]]


def rows_of(path: str, lines: Callable[[sqlite3.Connection], Iterator[bytes]]) -> FileContent:
    """Returns a function that opens the database at `path` and yields its rows as lines. `lines` makes the lines."""

    def content() -> Iterator[bytes]:
        with open_database(path) as connection:
            yield from _joined(lines(connection))

    return content


def copy_of(path: str, secrets: Sequence[str]) -> FileContent:
    """Returns the whole database as SQLite's online backup gives it, without the rows of the tables called
    `secrets`."""

    def content() -> Iterator[bytes]:
        # 0700, and removed whatever happens. Beside no other program's files: it may take long.
        with tempfile.TemporaryDirectory(prefix="ctx-") as folder:
            copy = os.path.join(folder, "copy.db")
            os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            with translated():
                back_up(path, copy)
                _take_out(copy, secrets)
            yield from _blocks(copy)

    return content


def back_up(path: str, copy: str) -> None:
    """Copies the database at `path` into the empty file `copy`: one moment of it. Raises `SourceError`,
    `sqlite3.Error`.

    With a write-ahead log reading holds nobody up, and it is one read. Without, a writer must wait while pages are
    read: it is done in steps, and begins anew if one wrote between two, until it has done so too often.
    """
    import sqlite3

    place = find_place(path)
    in_steps = place.way is OpenMode.SHARED and not place.log.inode
    with open_database(path) as source, closing(sqlite3.connect(copy, isolation_level=None)) as target:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        if in_steps:
            source.execute("COMMIT")
        source.backup(target, pages=_STEP if in_steps else -1, progress=_Impatient(), sleep=_PAUSE)


class _Impatient:
    """Stops a copy that other processes keep from finishing: by writes, which restart it, or by a lock.

    SQLite itself would never give up.
    """

    def __init__(self) -> None:
        self._left = -1
        self._restarts = 0

    def __call__(self, status: int, remaining: int, total: int) -> None:
        if 0 <= self._left <= remaining:
            self._restarts += 1
            if self._restarts > _RESTARTS:
                raise SourceError("its agent writes to it all the time, or keeps it locked: it is read again next time")
        self._left = remaining


def _take_out(copy: str, secrets: Sequence[str]) -> None:
    import sqlite3

    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = [name for name in secrets if name in tables and _has_rows(connection, name)]
        if not found:
            return
        connection.execute("PRAGMA secure_delete = ON")
        # One of the agent's triggers could put what is deleted somewhere else.
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            connection.execute(f"DROP TRIGGER {quoted(name)}")
        for name in found:
            connection.execute(f"DELETE FROM {quoted(name)}")
        for _, sql in triggers:
            connection.execute(sql)
        connection.execute("VACUUM")  # pages that are no longer used may hold deleted rows


def _has_rows(connection: sqlite3.Connection, table: str) -> bool:
    return connection.execute(f'SELECT 1 FROM "{table}" LIMIT 1').fetchone() is not None


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yields the same bytes in larger blocks."""
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def _blocks(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error
