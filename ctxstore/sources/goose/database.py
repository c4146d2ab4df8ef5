"""Goose's database, schema versions 1 to 13: the rows of a session, and the values that change with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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

LAYOUT = DatabaseLayout(
    "sessions",
    (SharedRow("threads", "thread_id"),),
    (
        Table("messages", "session_id", ("id",), number="id"),
        Table("thread_messages", "session_id", ("id",), number="id"),
    ),
    folder="working_dir",
    row_size=2048,
)


def list_sessions(connection: sqlite3.Connection) -> Iterator[DatabaseSession]:
    """Yields all sessions in the order of their ids, without reading their messages."""
    return iter_sessions(connection, LAYOUT, _count_rows)


def _count_rows(tables: SessionTables) -> CountRows:
    counts = [_counts(tables, table.name) for table in LAYOUT.tables]

    def count(row: dict[str, Any]) -> RowCounts:
        found = [each.get(row["id"], (0,)) for each in counts]
        return RowCounts(sum(rows for rows, *_ in found), _nanoseconds(row.get("updated_at")), found)

    return count


def _counts(tables: SessionTables, table: str) -> dict[Any, tuple[int, ...]]:
    """Maps each session's id to three numbers:

    - the number of its messages
    - the id of its newest message, which Goose never reuses
    - the length of the column that may change in place: who sees a message
    """
    columns = tables.columns(table)
    if "session_id" not in columns:
        return {}
    seen = 'total(length("metadata_json"))' if "metadata_json" in columns else "0"
    query = f'SELECT "session_id", count(*), max("id"), {seen} FROM "{table}" GROUP BY "session_id"'
    return {id: tuple(map(integer, rest)) for id, *rest in tables.connection.execute(query)}


def _nanoseconds(time: Any) -> int:
    """Returns the nanoseconds since 1970 of a time in the form of SQLite, in UTC."""
    try:
        found = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return 0
    seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return int(seconds * 1000) * 1_000_000
