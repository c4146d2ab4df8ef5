"""Goose's database: which rows are a session's, and what tells that they changed. Schema versions 1 to 13."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.sources.sqlite.fake_stat import stamp
from ctxstore.sources.sqlite.tables import DatabaseLayout, SessionTables, SharedRow, Table

if TYPE_CHECKING:
    import sqlite3

MODEL = DatabaseLayout(
    "sessions",
    (SharedRow("threads", "thread_id"),),
    (
        Table("messages", "session_id", ("id",), number="id"),
        Table("thread_messages", "session_id", ("id",), number="id"),
    ),
)

_ROW = 2048
"""About what a row takes: how large a session is isn't known before it is read."""


class GooseSession(NamedTuple):
    """A session as a list shows it."""

    id: str
    folder: str
    stat: os.stat_result


def list_sessions(connection: sqlite3.Connection) -> Iterator[GooseSession]:
    """All sessions in the order of their ids, without reading what was said."""
    tables = SessionTables(connection)
    tables.refuse_views(MODEL)
    schema = connection.execute("PRAGMA schema_version").fetchone()[0]
    counts = {table.name: _counts(tables, table.name) for table in MODEL.tables}
    for row in tables.sessions(MODEL):
        id, folder = row.get("id"), row.get("working_dir")
        if isinstance(id, str):
            found = [counts[table.name].get(id, (0,)) for table in MODEL.tables]
            size = _ROW * sum(each[0] for each in found)
            state = stamp(size, _nanoseconds(row.get("updated_at")), schema, sorted(row.items()), found)
            yield GooseSession(id, folder if isinstance(folder, str) else "", state)


def _counts(tables: SessionTables, table: str) -> dict[Any, tuple[int, ...]]:
    """By session: how many messages, the newest number - none is given twice - and the length of what may be changed
    in place: who sees a message."""
    columns = tables.columns(table)
    if "session_id" not in columns:
        return {}
    seen = 'total(length("metadata_json"))' if "metadata_json" in columns else "0"
    query = f'SELECT "session_id", count(*), max("id"), {seen} FROM "{table}" GROUP BY "session_id"'
    return {id: tuple(map(_integer, rest)) for id, *rest in tables.connection.execute(query)}


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1 << 53 else 0


def _nanoseconds(time: Any) -> int:
    """Of a time as SQLite writes it, in UTC."""
    try:
        found = datetime.fromisoformat(time)
    except (TypeError, ValueError):
        return 0
    seconds = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    return int(seconds * 1000) * 1_000_000
