"""A checkout of a conversation. The checkout cannot change it, because a conversation's values refer to each other by
hashes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import InvalidInput, SourceError
from ctxstore.sources.cursor.layout import COMPOSER, FILE, STORE
from ctxstore.sources.resumable import ContextChange, IndexEntry, RestoreFile, StoredContext
from ctxstore.sources.sqlite.listing import TRANSCRIPT
from ctxstore.sources.sqlite.resume import empty_log

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.sqlite.tables import SessionTables


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns the files to write. Each database of the command line gets an empty log.

    Otherwise SQLite would apply an old log that exists at the target.
    """
    if not change.is_empty:
        why = "what Cursor keeps of it is named by its hash"
        raise InvalidInput(f"{stored.context} can only be brought back as it was: {why}")
    keys = [key for key in stored.keys if key != TRANSCRIPT]
    logs = [empty_log(key) for key in keys if os.path.basename(key) == STORE]
    return sorted([*(RestoreFile(key, key) for key in keys), *logs], key=lambda file: file.key)


def new_session(now: int, random: bytes) -> str:
    """Raises `InvalidInput`, because no new conversation of Cursor can be created."""
    raise InvalidInput("conversations of Cursor can only be brought back as they were")


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the context's name unchanged."""
    return stored.context


def index_entries(stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
    """Returns the entry that adds a conversation's key-value pairs to the editor's database."""
    if not stored.context.startswith(COMPOSER) or TRANSCRIPT not in stored.keys:
        return []
    id = stored.context.removeprefix(COMPOSER)
    return [Pairs(FILE, f"conversation {id}", id, lambda: stored.read(TRANSCRIPT))]


class Pairs(NamedTuple):
    """An `IndexEntry` that makes Cursor's database hold exactly the stored key-value pairs of one conversation.

    Values that several conversations share are added if they are missing.
    """

    path: str
    what: str
    conversation: str
    read: Callable[[], Iterator[bytes]]

    def is_there(self, home: str) -> bool:
        """Whether the database has exactly the stored pairs of the conversation."""
        from ctxstore.sources.cursor.database import COMPOSER, find_value, iter_keys
        from ctxstore.sources.sqlite.database import open_database

        try:
            with open_database(os.path.join(home, self.path)) as connection:
                keys = {COMPOSER + self.conversation, *iter_keys(connection, self.conversation)}
                for key, value in self._pairs():
                    if not _is_same(find_value(connection, key), value):
                        return False
                    keys.discard(key)
                return not keys
        except SourceError:
            return False

    def found(self, home: str) -> bytes:
        """Returns a hash of the conversation's pairs in the database: see `ReplacingIndexEntry.found`."""
        from ctxstore.sources.cursor.database import COMPOSER, find_value, iter_keys
        from ctxstore.sources.sqlite.restore_rows import found_lines

        def lines(tables: SessionTables) -> Iterator[bytes]:
            for key in [COMPOSER + self.conversation, *iter_keys(tables.connection, self.conversation)]:
                value = find_value(tables.connection, key)
                yield repr((key, value)).encode("utf-8", "surrogatepass") if value is not None else b""

        return found_lines(os.path.join(home, self.path), lines)

    def apply(self, home: str) -> None:
        """Writes the stored pairs in one transaction. Raises `Conflict` or `StorageError`."""
        from ctxstore.sources.sqlite.restore_rows import change_database

        change_database(os.path.join(home, self.path), self.what, "Cursor", self._put)

    def _put(self, tables: SessionTables) -> None:
        from ctxstore.errors import Conflict
        from ctxstore.sources.cursor.database import BLOB, COMPOSER, TABLE, find_value, iter_keys
        from ctxstore.sources.sqlite.database import Garbled

        connection: sqlite3.Connection = tables.connection
        if not {"key", "value"} <= set(tables.columns(TABLE)):
            raise Conflict(f"{self.path} has no table {TABLE}", hint="start Cursor once, then try again")
        for key in [COMPOSER + self.conversation, *iter_keys(connection, self.conversation)]:
            connection.execute(f"DELETE FROM {TABLE} WHERE key = ?", (key,))
        for key, value in self._pairs():
            if key.startswith(BLOB) and find_value(connection, key) is not None:
                continue
            mark = "CAST(? AS TEXT)" if isinstance(value, Garbled) else "?"
            data = value.data if isinstance(value, Garbled) else value
            connection.execute(f"INSERT INTO {TABLE} (key, value) VALUES (?, {mark})", (key, data))

    def _pairs(self) -> Iterator[tuple[str, Any]]:
        from ctxstore.sources.cursor.database import TABLE
        from ctxstore.sources.sqlite.restore_rows import iter_lines
        from ctxstore.sources.sqlite.rows import decode_line, stored_value

        for line in map(decode_line, iter_lines(self.read())):
            key = line.row.get("key")
            if line.table == TABLE and isinstance(key, str):
                yield key, stored_value(line.row.get("value"))


def _is_same(one: Any, two: Any) -> bool:
    return type(one) is type(two) and bool(one == two)
