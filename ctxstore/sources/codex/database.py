"""Codex's databases: the entries that a restored rollout needs, and those that it must not have.

``state_5.sqlite`` lists the sessions. Its columns change from version to version, so they are read before anything is
written. ``thread_history_1.sqlite`` has the history of a session up to a place in its rollout. That of another rollout
would be shown to the user, while the model continues from the restored one. Codex rebuilds both if they are missing.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

from ctxstore.errors import Conflict, StorageError
from ctxstore.sources.codex.rollouts import PACKED

_SECONDS = 5.0
_POLICY = {"sandbox_policy": "read-only", "approval_mode": "on-request"}
"""Columns that a row needs too. Values of another session's row are preferred to these."""

_HISTORY = ("thread_turns", "thread_items", "thread_realtime_items", "thread_history_projection_state")


class ListedThread(NamedTuple):
    """The row of a session in Codex's table of threads.

    - `values`: maps columns to values.
    - `decisive`: the columns whose values must be equal in an existing row.
    """

    path: str
    id: str
    values: Mapping[str, Any]
    decisive: tuple[str, ...]

    @property
    def what(self) -> str:
        """For a person."""
        return f"the row of session {self.id}, so that Codex lists it"

    def is_there(self, home: str) -> bool:
        """Whether Codex lists the session, with this rollout."""
        with _open(home, self.path, write=False) as database:
            columns = [name for name in self.decisive if name in _columns(database, "threads")]
            row = _first(database, f"SELECT {_names(columns)} FROM threads WHERE id = ?", self.id)
        return row is not None and all(_same(a, self.values[name]) for name, a in zip(columns, row, strict=True))

    def apply(self, home: str) -> None:
        """Adds the row. In an existing row only the decisive columns are changed."""
        with _open(home, self.path, write=True) as database:
            columns = _columns(database, "threads")
            values = self._complete(database, columns, os.path.join(home, self.path))
            changing = [name for name in (*self.decisive, "archived_at") if name in columns]
            changed = ", ".join(f'"{name}" = excluded."{name}"' for name in changing)
            database.execute(
                f"INSERT INTO threads ({_names(list(values))}) VALUES ({', '.join('?' * len(values))})"
                f" ON CONFLICT (id) DO UPDATE SET {changed}",
                list(values.values()),
            )

    def _complete(self, database: sqlite3.Connection, columns: dict[str, bool], path: str) -> dict[str, Any]:
        values = {"id": self.id, **self.values}
        newest = "SELECT {} FROM threads WHERE id <> ? ORDER BY updated_at DESC LIMIT 1"
        for name in (name for name, needed in columns.items() if needed and name not in values):
            row = _first(database, newest.format(_names([name])), self.id) if name in _POLICY else None
            if row is None and name not in _POLICY:
                raise Conflict(
                    f"{path} wants a value for {name!r} that is not known here",
                    hint="a newer Codex than this one knows: start Codex once, it finds the session by itself",
                )
            values[name] = row[0] if row else _POLICY[name]
        return {name: value for name, value in values.items() if name in columns}


class StaleHistory(NamedTuple):
    """The removal of a saved history that belongs to another rollout of the same session. Codex then builds it from the
    present rollout.

    - `turns`: the ids of the turns in the rollout.
    - `size`: the size of the rollout in bytes.
    """

    path: str
    id: str
    turns: frozenset[str]
    size: int

    @property
    def what(self) -> str:
        """For a person."""
        return f"no other history of session {self.id} than its rollout's"

    def is_there(self, home: str) -> bool:
        """Whether the rollout contains all turns of the history that Codex saved. Then there is nothing to remove."""
        with _open(home, self.path, write=False) as database:
            tables = _tables(database)
            query = "SELECT turn_id FROM thread_turns WHERE thread_id = ?"
            turns = database.execute(query, (self.id,)).fetchall() if "thread_turns" in tables else []
            query = "SELECT next_rollout_byte_offset FROM thread_history_projection_state WHERE thread_id = ?"
            state = _first(database, query, self.id) if "thread_history_projection_state" in tables else None
        return {turn for (turn,) in turns} <= self.turns and (state is None or state[0] <= self.size)

    def apply(self, home: str) -> None:
        """Deletes the session's saved history from the database."""
        with _open(home, self.path, write=True) as database:
            for table in sorted(_tables(database).intersection(_HISTORY)):
                database.execute(f'DELETE FROM "{table}" WHERE thread_id = ?', (self.id,))


def find_newest(home: str, stem: str, table: str) -> str | None:
    """Returns the newest database ``<stem>_<number>.sqlite`` in `home`, or None if there is none that has the table."""
    pattern = re.compile(re.escape(stem) + r"_(?P<number>\d{1,9})\.sqlite")
    try:
        found = [match for name in os.listdir(home) if (match := pattern.fullmatch(name))]
    except (FileNotFoundError, NotADirectoryError):
        return None
    newest = max(found, key=lambda match: int(match["number"]), default=None)
    if newest is None:
        return None
    with _open(home, newest.string, write=False) as database:
        return newest.string if table in _tables(database) else None


@contextmanager
def _open(home: str, name: str, *, write: bool) -> Iterator[sqlite3.Connection]:
    """Yields the database, in one transaction. Raises `Conflict` if it is locked, `StorageError` if it can't
    be used."""
    path = os.path.join(home, name)
    address = f"file:{quote(os.fsencode(path))}?mode={'rw' if write else 'ro'}"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_SECONDS)) as database, database:
            if write:
                database.execute("BEGIN IMMEDIATE")
            yield database
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Conflict(f"{path} is locked", hint="quit Codex, then try again") from error
        raise StorageError(f"{path} could not be used: {error}") from error
    except sqlite3.Error as error:
        raise StorageError(
            f"{path} could not be used: {error}",
            hint="move it away, and try again: Codex makes it anew from what is in sessions/",
        ) from error


def _columns(database: sqlite3.Connection, table: str) -> dict[str, bool]:
    """Maps each column's name to whether a row must have a value for it."""
    rows = database.execute(f'PRAGMA table_info("{table}")').fetchall()
    return {name: bool(needed) and default is None for _, name, _, needed, default, _ in rows}


def _tables(database: sqlite3.Connection) -> set[str]:
    return {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _first(database: sqlite3.Connection, query: str, id: str) -> tuple[Any, ...] | None:
    row: tuple[Any, ...] | None = database.execute(query, (id,)).fetchone()
    return row


def _names(columns: list[str]) -> str:
    return ", ".join('"' + name.replace('"', '""') + '"' for name in columns) or "1"


def _same(there: Any, wanted: Any) -> bool:
    """Whether both values are equal. The path of a rollout counts as equal with and without the ending of a packed
    one."""
    if isinstance(there, str) and isinstance(wanted, str):
        return there.removesuffix(PACKED) == wanted.removesuffix(PACKED)
    return bool(there == wanted)
