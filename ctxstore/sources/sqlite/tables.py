"""The tables of an agent's database: its sessions, and the rows of one as lines, in an order that stays."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import SourceError
from ctxstore.sources.sqlite.fake_stat import stamp
from ctxstore.sources.sqlite.rows import RowLine, encode_line, plain_value

if TYPE_CHECKING:
    import sqlite3


class Table(NamedTuple):
    """The rows of the table `name` that belong to one session.

    - `by`: the column that contains the session's id.
    - `order`: the columns that sort the rows.
    - `below`: a table whose rows belong to a row of this table, by its `id`.
    - `where`: a further condition.
    - `number`: a column that only numbers the rows of all sessions. In another database, the rows get other numbers.
    """

    name: str
    by: str
    order: Sequence[str] = ()
    below: Table | None = None
    where: str = ""
    number: str = ""


class SharedRow(NamedTuple):
    """A row of `name` that several sessions refer to: its `id` is the value of the session's column `by`."""

    name: str
    by: str


class DatabaseLayout(NamedTuple):
    """The tables in which an agent keeps its sessions.

    - `session`: the table with one row for each session, by its `id`.
    - `shared`: rows to which several sessions refer.
    - `tables`: the tables with the session's other rows. Lines follow this order.
    - `folder`: the column of `session` with the folder in which the session worked.
    - `row_size`: the bytes of an average row, to estimate the size of a session before it is read.
    """

    session: str
    shared: Sequence[SharedRow] = ()
    tables: Sequence[Table] = ()
    folder: str = ""
    row_size: int = 1024


class DatabaseSession(NamedTuple):
    """A session as a list shows it: its `id`, the folder worked in, a made-up state, and its own row."""

    id: str
    folder: str
    stat: os.stat_result
    row: dict[str, Any]


class RowCounts(NamedTuple):
    """The number of a session's rows (approximately), the time of the last change (ns), and a `version` that differs
    after any change."""

    rows: int
    newest: int
    version: object


CountRows = Callable[[dict[str, Any]], RowCounts]
"""A session's own row → the rows it owns."""


def iter_sessions(
    connection: sqlite3.Connection, layout: DatabaseLayout, count_rows: Callable[[SessionTables], CountRows]
) -> Iterator[DatabaseSession]:
    """Yields all sessions in the order of their ids, without reading their messages."""
    tables = SessionTables(connection)
    tables.refuse_views(layout)
    schema = connection.execute("PRAGMA schema_version").fetchone()[0]
    count = count_rows(tables)
    for row in tables.sessions(layout):
        id, folder = row.get("id"), row.get(layout.folder)
        if isinstance(id, str):
            found = count(row)
            state = stamp(layout.row_size * found.rows, found.newest, schema, sorted(row.items()), found.version)
            yield DatabaseSession(id, folder if isinstance(folder, str) else "", state, row)


class SessionTables:
    """The tables of an open database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._columns: dict[str, list[str]] = {}

    def columns(self, table: str) -> list[str]:
        """Returns the columns that hold values, not those computed from others; none if there is no such table."""
        if table not in self._columns:
            found = self.connection.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (table,))
            self._columns[table] = [name for name, hidden in found if hidden == 0 and isinstance(name, str)]
        return self._columns[table]

    def sessions(self, layout: DatabaseLayout) -> Iterator[dict[str, Any]]:
        """Yields the rows of all sessions, in the order of their ids. Raises `SourceError` where there can be none."""
        if "id" not in self.columns(layout.session):
            raise SourceError("it has no table of sessions: a version of it that is not known, or no such database")
        yield from self._select(layout.session, "", (), ("id",))

    def refuse_views(self, layout: DatabaseLayout) -> None:
        """Raises `SourceError` for a view in a table's place."""
        found = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
        if {name.lower() for (name,) in found if isinstance(name, str)} & set(_names(layout)):
            raise SourceError("it has a view in a table's place: to read that may take for ever")

    def find_session(self, layout: DatabaseLayout, session: str) -> dict[str, Any] | None:
        """Returns a session's own row."""
        return next(self._select(layout.session, '"id" = ?', (session,)), None)

    def export(self, layout: DatabaseLayout, session: str) -> Iterator[bytes]:
        """Yields the session's rows as lines: its own row, then the shared rows to which it refers, then the rows that
        belong to it."""
        own = self.find_session(layout, session)
        if own is None:
            return
        yield encode_line(RowLine(layout.session, own))
        for shared in layout.shared:
            for row in self._select(shared.name, '"id" = ?', (own.get(shared.by),)):
                yield encode_line(RowLine(shared.name, row))
        for table in layout.tables:
            for line in self._lines(table, session):
                yield encode_line(line)

    def _lines(self, table: Table, key: Any) -> Iterator[RowLine]:
        if table.by not in self.columns(table.name):
            return  # a version of the agent that has no such table yet, or not any more
        where = f"{quoted(table.by)} = ?" + (f" AND {table.where}" if table.where else "")
        for row in self._select(table.name, where, (key,), table.order):
            rows = list(self._lines(table.below, row.get("id"))) if table.below else []
            yield RowLine(table.name, row, rows)

    def _select(
        self, table: str, where: str, values: Sequence[Any], order: Sequence[str] = ()
    ) -> Iterator[dict[str, Any]]:
        columns = self.columns(table)
        if not columns:
            return
        query = f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(table)}"
        sorting = ", ".join(quoted(column) for column in order if column in columns)
        query += (f" WHERE {where}" if where else "") + (f" ORDER BY {sorting}" if sorting else "")
        for row in self.connection.execute(query, values):
            yield dict(zip(columns, map(plain_value, row), strict=True))


def _names(layout: DatabaseLayout) -> Iterator[str]:
    yield layout.session
    yield from (shared.name for shared in layout.shared)
    for table in layout.tables:
        yield table.name
        if table.below:
            yield table.below.name


def integer(value: Any) -> int:
    """Returns a number as an integer, or 0 for any other value."""
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1 << 53 else 0


def quoted(name: str) -> str:
    """Returns a name with quotes, for use in an SQL statement."""
    return '"' + name.replace('"', '""') + '"'
