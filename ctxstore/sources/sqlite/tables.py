"""Which rows of a database are a session's, and these as lines, in an order that stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import SourceError
from ctxstore.sources.sqlite.rows import RowLine, encode_line, plain_value

if TYPE_CHECKING:
    import sqlite3


class Table(NamedTuple):
    """Rows of `name` that are one session's: those whose column `by` is its id.

    `order`: the columns that sort them. `below`: a table whose rows belong to each of these, by its `id`.
    `where`: a further condition. `number`: a column that only numbers the rows of all sessions: in another
    database they have other numbers.
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
    """Where an agent keeps its sessions: each has a row in `session`, by its `id`, refers to `shared` rows, and owns
    rows of `tables`, which stand in the lines in this order."""

    session: str
    shared: Sequence[SharedRow] = ()
    tables: Sequence[Table] = ()


class SessionTables:
    """The tables of an open database."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._columns: dict[str, list[str]] = {}

    def columns(self, table: str) -> list[str]:
        """The columns that hold values (not those computed from others); none if there is no such table."""
        if table not in self._columns:
            found = self.connection.execute("SELECT name, hidden FROM pragma_table_xinfo(?)", (table,))
            self._columns[table] = [name for name, hidden in found if hidden == 0 and isinstance(name, str)]
        return self._columns[table]

    def sessions(self, model: DatabaseLayout) -> Iterator[dict[str, Any]]:
        """The rows of all sessions, in the order of their ids. Raises `SourceError` where there can be none."""
        if "id" not in self.columns(model.session):
            raise SourceError("it has no table of sessions: a version of it that is not known, or no such database")
        yield from self._select(model.session, "", (), ("id",))

    def refuse_views(self, model: DatabaseLayout) -> None:
        """Raises `SourceError` for a view in a table's place."""
        found = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'view'")
        if {name.lower() for (name,) in found if isinstance(name, str)} & set(_names(model)):
            raise SourceError("it has a view in a table's place: to read that may take for ever")

    def find_session(self, model: DatabaseLayout, session: str) -> dict[str, Any] | None:
        """A session's own row."""
        return next(self._select(model.session, '"id" = ?', (session,)), None)

    def export(self, model: DatabaseLayout, session: str) -> Iterator[bytes]:
        """The session's rows as lines: its own first, then what it refers to, then what belongs to it."""
        own = self.find_session(model, session)
        if own is None:
            return
        yield encode_line(RowLine(model.session, own))
        for shared in model.shared:
            for row in self._select(shared.name, '"id" = ?', (own.get(shared.by),)):
                yield encode_line(RowLine(shared.name, row))
        for table in model.tables:
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


def _names(model: DatabaseLayout) -> Iterator[str]:
    yield model.session
    yield from (shared.name for shared in model.shared)
    for table in model.tables:
        yield table.name
        if table.below:
            yield table.below.name


def quoted(name: str) -> str:
    """A name for use in a statement."""
    return '"' + name.replace('"', '""') + '"'
