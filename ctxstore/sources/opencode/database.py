"""OpenCode's database: which rows are a session's, and what tells that they changed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.sources.sqlite.fake_stat import stamp
from ctxstore.sources.sqlite.tables import DatabaseLayout, SessionTables, SharedRow, Table

if TYPE_CHECKING:
    import sqlite3

_ORDER = ("time_created", "id")
_ORPHAN = '"message_id" NOT IN (SELECT "id" FROM "message" WHERE "session_id" = "part"."session_id")'

MODEL = DatabaseLayout(
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
)

_ROW = 1024
"""About what a row takes: how large a session is isn't known before it is read."""


class OpenCodeSession(NamedTuple):
    """A session as a list shows it."""

    id: str
    directory: str
    slug: str
    created: int
    stat: os.stat_result


def list_sessions(connection: sqlite3.Connection) -> Iterator[OpenCodeSession]:
    """All sessions in the order of their ids, without reading what was said."""
    tables = SessionTables(connection)
    tables.refuse_views(MODEL)
    schema = connection.execute("PRAGMA schema_version").fetchone()[0]
    counts = _counts(tables)
    for row in tables.sessions(MODEL):
        id, directory = row.get("id"), row.get("directory")
        if not isinstance(id, str):
            continue
        found = counts.get(id, {})
        newest = max(_integer(row.get("time_updated")), *(each[1] for each in found.values()), 0)
        size = _ROW * sum(each[0] for each in found.values())
        state = stamp(size, newest * 1_000_000, schema, sorted(row.items()), sorted(found.items()))
        name, slug = directory if isinstance(directory, str) else "", row.get("slug")
        yield OpenCodeSession(id, name, slug if isinstance(slug, str) else "", _integer(row.get("time_created")), state)


Counts = dict[str, tuple[int, int, int]]
"""By table: a number that is about that of the rows, the newest change (ms), and one that changes with any row."""


def _counts(tables: SessionTables) -> Mapping[str, Counts]:
    """What there is of each session. Every change of a message is an event with a number, and that number is enough;
    of sessions from before there were events, and of what has none, every row's time counts."""
    found: dict[str, Counts] = {}
    evented = bool(tables.columns("event_sequence"))
    if evented:
        for id, seq in tables.connection.execute('SELECT "aggregate_id", "seq" FROM "event_sequence"'):
            if isinstance(id, str):
                found.setdefault(id, {})["event"] = (_integer(seq), 0, 0)
    unless = ' WHERE "session_id" NOT IN (SELECT "aggregate_id" FROM "event_sequence")' if evented else ""
    for table in ("message", "part", "session_message", "todo"):
        columns = tables.columns(table)
        if not {"session_id", "time_updated"} <= set(columns):
            continue
        times = 'count(*), max("time_updated"), total("time_updated" % 1000000000)'
        query = f'SELECT "session_id", {times} FROM "{table}"' + (unless if table != "todo" else "")
        for id, *rest in tables.connection.execute(query + ' GROUP BY "session_id"'):
            if isinstance(id, str):
                rows, newest, total = map(_integer, rest)
                found.setdefault(id, {})[table] = (rows, newest, total)
    return found


def _integer(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1 << 53 else 0
