"""Restores a session's rows in an agent's database. They replace the session's present rows, and all other rows are
unchanged."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from ctxstore.errors import Conflict, InvalidInput, SourceError, StorageError
from ctxstore.sources.sqlite.database import Garbled, open_database, reason_of, text_of
from ctxstore.sources.sqlite.read_safely import find_place
from ctxstore.sources.sqlite.rows import RowLine, decode_line, stored_value
from ctxstore.sources.sqlite.tables import DatabaseLayout, SessionTables, Table, quoted

if TYPE_CHECKING:
    import sqlite3

PATIENCE = 5.0
"""Seconds to wait for a lock before it is said that the agent is in the way."""


class Rows(NamedTuple):
    """An `IndexEntry` that makes the database contain exactly the session's rows. `lines` yields the same rows at each
    call.

    Other rows of the session are deleted. Rows that several sessions share are added if they are missing, and otherwise
    unchanged.
    """

    path: str
    what: str
    agent: str
    layout: DatabaseLayout
    session: str
    lines: Callable[[], Iterator[bytes]]

    def is_there(self, home: str) -> bool:
        """Whether the database has exactly these rows of the session, in this order."""
        try:
            with open_database(os.path.join(home, self.path)) as connection:
                tables = SessionTables(connection)
                there = (decode_line(line) for line in tables.export(self.layout, self.session))
                return _are_same(self._wanted(), there, self.layout, tables)
        except SourceError:
            return False

    def found(self, home: str) -> bytes:
        """Returns a hash of the session's rows in the database: see `ReplacingIndexEntry.found`."""
        return found_lines(os.path.join(home, self.path), lambda tables: tables.export(self.layout, self.session))

    def apply(self, home: str) -> None:
        """Writes the rows in one transaction. Raises `Conflict` or `StorageError`."""
        change_database(os.path.join(home, self.path), self.what, self.agent, self._exchange)

    def _exchange(self, tables: SessionTables) -> None:
        self._take_away(tables)
        self._put(tables)
        # Before it counts: rows of other sessions or tables among the lines, or what a trigger made of them.
        there = (decode_line(line) for line in tables.export(self.layout, self.session))
        if not _are_same(self._wanted(), there, self.layout, tables):
            raise Conflict(f"{self.path} would not hold exactly {self.what}", hint=_OTHER_VERSION)

    def _wanted(self) -> Iterator[RowLine]:
        return (decode_line(line) for line in self.lines())

    def _take_away(self, tables: SessionTables) -> None:
        if "id" not in tables.columns(self.layout.session):
            raise Conflict(f"{self.path} has no table {self.layout.session!r}", hint=_OTHER_VERSION)
        for table in reversed(self.layout.tables):
            if table.by in tables.columns(table.name):
                _delete(tables, table, self.session)
        tables.connection.execute(f'DELETE FROM {quoted(self.layout.session)} WHERE "id" = ?', (self.session,))

    def _put(self, tables: SessionTables) -> None:
        shared = {each.name for each in self.layout.shared}
        numbers = {table.name: table.number for table in self.layout.tables if table.number}
        for name in [name for name, number in numbers.items() if not _clashes(tables, name, number, self._wanted())]:
            del numbers[name]  # they can stay unchanged
        for line in self._wanted():
            if line.table in shared and _exists(tables, line):
                continue
            _insert(tables, line, numbers)


def found_lines(path: str, lines: Callable[[SessionTables], Iterable[bytes]]) -> bytes:
    """Returns a hash of the lines that `lines` yields for the database at `path`, or empty bytes if there are none.
    Raises `Conflict`."""
    from blake3 import blake3

    if not os.path.lexists(path):
        return b""
    hasher, size = blake3(), 0
    try:
        with open_database(path) as connection:
            for line in lines(SessionTables(connection)):
                hasher.update(line)
                size += len(line)
    except SourceError as error:
        raise Conflict(f"{path}: {error.message}", hint="look at it, or move it away") from error
    return hasher.digest() if size else b""


def change_database(path: str, what: str, agent: str, change: Callable[[SessionTables], None]) -> None:
    """Changes the agent's database in one transaction, whole or not at all. Raises `Conflict`, `StorageError`."""
    import sqlite3

    _require(path, what, agent)
    uri = f"file:{quote(os.fsencode(path))}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)) as connection:
            connection.text_factory = text_of
            connection.execute("PRAGMA synchronous = FULL")
            with _transaction(connection):
                change(SessionTables(connection))
    except sqlite3.IntegrityError as error:
        raise Conflict(f"{path}: {what} can't be put there: {error}", hint=_OTHER_VERSION) from error
    except sqlite3.Error as error:
        if not getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StorageError(f"{path}: {reason_of(error)}") from error
        raise Conflict(f"{path} is locked by another program", hint=f"end {agent}, then try again") from error
    except (UnicodeDecodeError, OverflowError) as error:
        raise StorageError(f"{path}: damaged") from error


def _require(path: str, what: str, agent: str) -> None:
    if not os.path.lexists(path):
        hint = f"start {agent} once, so that it makes its database, and try again"
        raise Conflict(f"{path} is not there: {what} can't be put back", hint=hint)
    try:
        find_place(path)
    except SourceError as error:
        raise Conflict(f"{path}: {error.message}", hint="look at it, or move it away") from error


_OTHER_VERSION = "it may be of another version of the agent: update the one that is older"


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _delete(tables: SessionTables, table: Table, session: str) -> None:
    mine = f"FROM {quoted(table.name)} WHERE {quoted(table.by)} = ?"
    below = table.below
    if below and below.by in tables.columns(below.name):
        query = f'DELETE FROM {quoted(below.name)} WHERE {quoted(below.by)} IN (SELECT "id" {mine})'
        tables.connection.execute(query, (session,))
    tables.connection.execute(f"DELETE {mine}", (session,))


def _insert(tables: SessionTables, line: RowLine, numbers: dict[str, str]) -> None:
    columns = set(tables.columns(line.table))
    row = {name: stored_value(value) for name, value in line.row.items() if name != numbers.get(line.table)}
    missing = [name for name, value in row.items() if name not in columns and value is not None]
    if not columns or missing:
        what = f"column {missing[0]!r} in {line.table!r}" if columns else f"table {line.table!r}"
        raise Conflict(f"the agent's database has no {what}, which the session uses", hint=_OTHER_VERSION)
    row = {name: value for name, value in row.items() if name in columns}
    marks = ", ".join("CAST(? AS TEXT)" if isinstance(value, Garbled) else "?" for value in row.values())
    values = [value.data if isinstance(value, Garbled) else value for value in row.values()]
    query = f"INSERT INTO {quoted(line.table)} ({', '.join(map(quoted, row))}) VALUES ({marks})"
    tables.connection.execute(query, values)
    for each in line.rows:
        _insert(tables, each, numbers)


def _exists(tables: SessionTables, line: RowLine) -> bool:
    if "id" not in tables.columns(line.table):
        return False
    query = f'SELECT 1 FROM {quoted(line.table)} WHERE "id" = ?'
    return tables.connection.execute(query, (stored_value(line.row.get("id")),)).fetchone() is not None


def _clashes(tables: SessionTables, name: str, number: str, lines: Iterable[RowLine]) -> bool:
    """Whether rows of other sessions already use one of the numbers in `lines`."""
    query = f"SELECT 1 FROM {quoted(name)} WHERE {quoted(number)} = ?"
    values = (stored_value(line.row.get(number)) for line in lines if line.table == name)
    return any(tables.connection.execute(query, (value,)).fetchone() for value in values)


def _are_same(
    wanted: Iterable[RowLine], there: Iterable[RowLine], layout: DatabaseLayout, tables: SessionTables
) -> bool:
    shared = {each.name for each in layout.shared}
    numbers = {table.name: table.number for table in layout.tables}
    # A missing shared row is compared, and differs from every row present.
    one = (line for line in wanted if line.table not in shared or not _exists(tables, line))
    two = (line for line in there if line.table not in shared)
    return all(a is not None and b is not None and _is_same(a, b, numbers) for a, b in zip_longest(one, two))


def _is_same(one: RowLine, two: RowLine, numbers: dict[str, str]) -> bool:
    """Whether a row is equal to the wanted one. Columns of a later version are ignored."""
    if one.table != two.table or len(one.rows) != len(two.rows):
        return False
    skipped = numbers.get(one.table)
    for name, value in one.row.items():
        found: Any = two.row.get(name)
        if name != skipped and (found != value or type(found) is not type(value)):
            return False
    return all(_is_same(*pair, numbers) for pair in zip(one.rows, two.rows, strict=True))


def iter_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields the lines of a file of rows, each with its line end. The length of a line is not limited, so every saved
    row can be restored."""
    held: list[bytes] = []
    for block in blocks:
        start = 0
        while end := block.find(b"\n", start) + 1:
            yield b"".join([*held, block[start:end]])
            held, start = [], end
        held.append(block[start:])
    if rest := b"".join(held):
        raise InvalidInput(f"the session's rows end in the middle of one: {rest[:40]!r}")
