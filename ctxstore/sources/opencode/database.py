"""OpenCode's database: the rows of a session, and the values that change with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ctxstore.sources.sqlite.tables import (
    CountRows,
    DatabaseLayout,
    DatabaseSession,
    RowCounts,
    SessionTables,
    SharedRow,
    Table,
    integer,
    iter_sessions,
)

if TYPE_CHECKING:
    import sqlite3

_ORDER = ("time_created", "id")
_ORPHAN = '"message_id" NOT IN (SELECT "id" FROM "message" WHERE "session_id" = "part"."session_id")'

LAYOUT = DatabaseLayout(
    "session",
    (SharedRow("project", "project_id"),),
    (
        Table("message", "session_id", _ORDER, Table("part", "message_id", ("id",))),
        Table("part", "session_id", ("id",), where=_ORPHAN),
        Table("session_message", "session_id", ("seq", "time_created", "id")),
        Table("session_input", "session_id", ("admitted_seq", "id")),
        Table("session_context_epoch", "session_id"),
        Table("todo", "session_id", ("position",)),
        Table("event_sequence", "aggregate_id"),
        Table("event", "aggregate_id", ("seq", "id")),
    ),
    folder="directory",
    row_size=1024,
)


def list_sessions(connection: sqlite3.Connection) -> Iterator[DatabaseSession]:
    """Yields all sessions in the order of their ids, without reading their messages."""
    return iter_sessions(connection, LAYOUT, _count_rows)


def count_messages(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Returns the number of messages of each session, of the form that has more."""
    tables, found = SessionTables(connection), dict[str, int]()
    for table in ("message", "session_message"):
        if "session_id" in tables.columns(table):
            for id, rows in connection.execute(f'SELECT "session_id", count(*) FROM "{table}" GROUP BY "session_id"'):
                if isinstance(id, str):
                    found[id] = max(found.get(id, 0), integer(rows))
    return found


def _count_rows(tables: SessionTables) -> CountRows:
    counts = _counts(tables)

    def count(row: dict[str, Any]) -> RowCounts:
        found = counts.get(row["id"], {})
        newest = max(integer(row.get("time_updated")), *(newest for _, newest, _ in found.values()), 0)
        return RowCounts(sum(rows for rows, _, _ in found.values()), newest * 1_000_000, sorted(found.items()))

    return count


Counts = dict[str, tuple[int, int, int]]
"""By table: about the number of rows, the newest change (ms), and a number that changes with any row."""


def _counts(tables: SessionTables) -> Mapping[str, Counts]:
    """Returns the counts of each session. Every change of a message is an event with a number, and that number is
    enough. Of sessions older than events, and of tables without, every row's time counts."""
    found: dict[str, Counts] = {}
    evented = bool(tables.columns("event_sequence"))
    if evented:
        for id, seq in tables.connection.execute('SELECT "aggregate_id", "seq" FROM "event_sequence"'):
            if isinstance(id, str):
                found.setdefault(id, {})["event"] = (integer(seq), 0, 0)
    unless = ' WHERE "session_id" NOT IN (SELECT "aggregate_id" FROM "event_sequence")' if evented else ""
    for table in ("message", "part", "session_message", "todo"):
        columns = tables.columns(table)
        if not {"session_id", "time_updated"} <= set(columns):
            continue
        times = 'count(*), max("time_updated"), total("time_updated" % 1000000000)'
        query = f'SELECT "session_id", {times} FROM "{table}"' + (unless if table != "todo" else "")
        for id, *rest in tables.connection.execute(query + ' GROUP BY "session_id"'):
            if isinstance(id, str):
                rows, newest, total = map(integer, rest)
                found.setdefault(id, {})[table] = (rows, newest, total)
    return found
