"""The writer of the index: records for each commit which messages it adds to its lineage and removes from it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from blake3 import blake3

from ctxstore.ops.search.database import read_meta, write_meta
from ctxstore.ops.search.lineages import LineagePosition
from ctxstore.ops.search.tokens import indexed_text, searched_text
from ctxstore.sources.protocol import Message

if TYPE_CHECKING:
    import sqlite3

ROLES = ("user", "assistant", "system", "tool", "meta", "unknown")
"""The roles of messages. The index stores a role as its position here, so the order must not change."""


def hash_of(data: bytes) -> int:
    """Returns 47 bits of a hash, which SQLite stores in six bytes.

    The chance that two of a million messages share a hash is 1 in 280.
    """
    return int.from_bytes(blake3(data).digest(6)) >> 1


def message_hash(message: Message) -> int:
    """Returns the hash that identifies a message: equal bytes, apart from white space around them, are one message."""
    return hash_of(message.raw.strip())


class IndexWriter:
    """Adds messages to the index and removes them.

    `characters` counts the characters of new texts since the writer was created.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._next_text = int(str(read_meta(database, "next", 1)))
        self.characters = 0

    def save_counter(self) -> None:
        """Stores the number of the next text. Must be called before a transaction is committed."""
        write_meta(self._db, "next", self._next_text)

    def number_file(self, path: str) -> int:
        """Returns the number of a subagent's transcript in the table ``files``. The number 0 is a context's own one."""
        name = path.encode("utf-8", "surrogateescape")
        row = self._db.execute("SELECT id FROM files WHERE path = ?", (name,)).fetchone()
        if row is None:
            return self._db.execute("INSERT INTO files (path) VALUES (?)", (name,)).lastrowid or 0
        return int(row[0])

    def add(self, message: Message, at: LineagePosition, time: int, file: int = 0) -> None:
        """Records that the commit at this position, made at `time` (ns), has a message that its parent does not have.

        A message without text is not indexed. `file` is the number of the message's transcript.
        """
        id = self._find(message) or self._insert(message, time)
        if id is None:
            return
        if self._count_copy(id, at, 1):
            return
        self._db.execute(
            "INSERT INTO held VALUES (?, ?, ?, NULL, ?, ?, 1, ?)", (id, *at, message.offset, len(message.raw), file)
        )

    def remove(self, message: Message, at: LineagePosition) -> None:
        """Records that the commit at this position does not have a message that its parent has."""
        id = self._find(message)
        if id is None or self._count_copy(id, at, -1):
            return
        open_row = (id, at.lineage)
        self._db.execute(
            "UPDATE held SET last = ? WHERE message = ? AND line = ? AND last IS NULL", (at.position - 1, *open_row)
        )
        self._db.execute("DELETE FROM held WHERE message = ? AND line = ? AND last < first", open_row)

    def _count_copy(self, id: int, at: LineagePosition, change: int) -> bool:
        """Changes the count of copies of a message that a commit contains more than once.

        Returns False, and changes nothing, if there is no other copy.
        """
        at_least = 1 if change > 0 else 2
        return bool(
            self._db.execute(
                "UPDATE held SET copies = copies + ? WHERE message = ? AND line = ? AND last IS NULL AND copies >= ?",
                (change, id, at.lineage, at_least),
            ).rowcount
        )

    def _find(self, message: Message) -> int | None:
        row = self._db.execute("SELECT id FROM messages WHERE hash = ?", (message_hash(message),)).fetchone()
        return row[0] if row else None

    def _insert(self, message: Message, time: int) -> int | None:
        """Adds a new message and returns its number, or None if it has no text. `time` (ns) is when it was saved."""
        text = searched_text(message)
        if not text.strip():
            return None
        row = (message_hash(message), self._index_text(text), ROLES.index(message.role), _seconds(message.time, time))
        return self._db.execute("INSERT INTO messages (hash, text, role, time) VALUES (?, ?, ?, ?)", row).lastrowid

    def _index_text(self, text: str) -> int:
        """Returns the number of a text. Indexes the text first unless an equal one is indexed already."""
        hash = hash_of(text.encode("utf-8", "surrogatepass"))
        row = self._db.execute("SELECT id FROM texts WHERE hash = ?", (hash,)).fetchone()
        if row is not None:
            return int(row[0])
        self.characters += len(text)
        id, self._next_text = self._next_text, self._next_text + 1
        self._db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (id, indexed_text(text)))
        self._db.execute("INSERT INTO texts VALUES (?, ?)", (hash, id))
        return id


def _seconds(text: str | None, saved_ns: int) -> int:
    """Returns the time when a message was written, in seconds. Without a valid time, returns when it was saved."""
    try:
        return int(datetime.fromisoformat(text or "").timestamp())
    except (ValueError, OverflowError, OSError):
        return saved_ns // 1_000_000_000
