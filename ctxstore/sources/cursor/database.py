"""The editor's database of pairs: those of a conversation, and the values that change with them.

composerData:<conversation>               the title, and the order of the bubbles
bubbleId:<conversation>:<bubble>          a message
checkpointId:, codeBlockDiff:, …          changes to files
agentKv:blob:<hash>                       pieces of the model's input, which conversations share
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import SourceError
from ctxstore.sources.sqlite.fake_stat import stamp
from ctxstore.sources.sqlite.rows import RowLine, encode_line, plain_value

if TYPE_CHECKING:
    import sqlite3

TABLE = "cursorDiskKV"
COMPOSER = "composerData:"
BUBBLE = "bubbleId:"
BLOB = "agentKv:blob:"

KINDS = (
    BUBBLE,
    "agentKv:bubbleCheckpoint:",
    "agentKv:checkpoint:",
    "checkpointId:",
    "codeBlockDiff:",
    "codeBlockPartialInlineDiffFates:",
    "composerVirtualRowHeights:",
    "messageRequestContext:",
)
"""The starts of a conversation's other keys: its id follows, then a colon and more, or nothing."""

_ROW = 4096
"""Bytes of an average value."""


class CursorConversation(NamedTuple):
    """A conversation as a list shows it."""

    id: str
    stat: os.stat_result


def list_conversations(connection: sqlite3.Connection) -> Iterator[CursorConversation]:
    """Yields all conversations in the order of their ids, from the index of the keys alone.

    A value that is written again gets a new row, with a number that no row had. So the numbers differ after any change.
    """
    _require(connection)
    schema = connection.execute("PRAGMA schema_version").fetchone()[0]
    query = f"SELECT key, rowid FROM {TABLE} WHERE key >= ? AND key < ? ORDER BY key"
    for key, number in connection.execute(query, (COMPOSER, _after(COMPOSER))).fetchall():
        id = key.removeprefix(COMPOSER) if isinstance(key, str) else ""
        if id:
            counts = [_count(connection, kind + id) for kind in KINDS]
            size = _ROW * (1 + sum(rows for rows, _, _ in counts))
            yield CursorConversation(id, stamp(size, 0, schema, number, counts))


def export(connection: sqlite3.Connection, id: str, workspace: dict[str, Any] | None) -> Iterator[bytes]:
    """Yields a conversation's pairs as lines, in this order:

    - the workspace in which it is
    - the conversation's own pair
    - its bubbles (messages), in the order of the conversation
    - its other pairs, by key
    - the values that it shares with other conversations
    """
    from ctxstore.sources.cursor.records import bubbles_of
    from ctxstore.sources.cursor.references import references_in

    _require(connection)
    if workspace:
        yield encode_line(RowLine("workspace", workspace))
    own = find_value(connection, COMPOSER + id)
    wanted = references_in(own)
    yield _line(COMPOSER + id, own)
    ordered = [f"{BUBBLE}{id}:{bubble}" for bubble in bubbles_of(own)]
    done = set()
    for key in [*ordered, *iter_keys(connection, id)]:
        if key not in done:
            done.add(key)
            value = find_value(connection, key)
            if value is not None:
                wanted |= references_in(value) if key.startswith("agentKv:") else set()
                yield _line(key, value)
    yield from _shared(connection, wanted)


def iter_keys(connection: sqlite3.Connection, id: str) -> Iterator[str]:
    """Yields the keys of a conversation by kind, except the key of the conversation itself."""
    for kind in KINDS:
        for low, high in _ranges(kind + id):
            query = f"SELECT key FROM {TABLE} WHERE key >= ? AND key < ? ORDER BY key"
            yield from [key for (key,) in connection.execute(query, (low, high)).fetchall()]


def find_value(connection: sqlite3.Connection, key: str) -> Any:
    """Returns the value of a key, or None if there is none."""
    row = connection.execute(f"SELECT value FROM {TABLE} WHERE key = ?", (key,)).fetchone()
    return row[0] if row else None


def _shared(connection: sqlite3.Connection, wanted: set[str]) -> Iterator[bytes]:
    """Yields the values that a conversation refers to, directly or through others of them, in the order of their
    hashes."""
    from ctxstore.sources.cursor.references import references_in

    found: dict[str, None] = {}
    pending = sorted(wanted)
    while pending:
        name = pending.pop()
        value = find_value(connection, BLOB + name) if name not in found else None
        if value is not None:
            found[name] = None
            pending += sorted(references_in(value) - found.keys())
    for name in sorted(found):
        yield _line(BLOB + name, find_value(connection, BLOB + name))


def _line(key: str, value: Any) -> bytes:
    return encode_line(RowLine(TABLE, {"key": key, "value": plain_value(value)}))


def _count(connection: sqlite3.Connection, start: str) -> tuple[int, int, int]:
    """Returns three numbers for the rows whose keys are in these ranges: their count, their largest row number, and the
    sum of the row numbers."""
    rows = newest = total = 0
    for low, high in _ranges(start):
        query = f"SELECT count(*), coalesce(max(rowid), 0), coalesce(sum(rowid), 0) FROM {TABLE}"
        more, last, sum_of = connection.execute(query + " WHERE key >= ? AND key < ?", (low, high)).fetchone()
        rows, newest, total = rows + more, max(newest, last), total + sum_of
    return rows, newest, total


def _ranges(start: str) -> Sequence[tuple[str, str]]:
    """Returns two key ranges [low, high) for SQL: the key `start` itself, and all keys that begin with `start` and a
    colon."""
    return (start, start + "\0"), (start + ":", start + ";")


def _after(prefix: str) -> str:
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


def _require(connection: sqlite3.Connection) -> None:
    columns = {row[1] for row in connection.execute(f"PRAGMA table_info({TABLE})")}
    if not {"key", "value"} <= columns:
        raise SourceError(f"it has no table {TABLE}: a version of Cursor that is not known, or none with conversations")
