"""Messages put into the index and taken out of a line again, commit by commit."""

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
"""Their numbers are kept in the index."""


def hash_of(data: bytes) -> int:
    """47 bits of a hash: SQLite keeps them in six bytes. A million messages share one once in 280 times."""
    return int.from_bytes(blake3(data).digest(6)) >> 1


def message_hash(message: Message) -> int:
    """Tells messages of a context apart: equal bytes are one message."""
    return hash_of(message.raw.strip())


class IndexWriter:
    """What is added to the lines of a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database
        self._next = int(str(read_meta(database, "next", 1)))
        self.characters = 0

    def note(self) -> None:
        """Keep which number comes next; to be called before what was added is committed."""
        write_meta(self._db, "next", self._next)

    def add(self, message: Message, spot: LineagePosition, time: int) -> None:
        """The commit at `spot`, made at `time` (ns), holds a message that the one before it does not."""
        id = self._find(message) or self._insert(message, time)
        if id is None:
            return
        if self._copies(id, spot, 1):
            return
        self._db.execute(
            "INSERT INTO held VALUES (?, ?, ?, NULL, ?, ?, 1)", (id, *spot, message.offset, len(message.raw))
        )

    def remove(self, message: Message, spot: LineagePosition) -> None:
        """The commit at `spot` does not hold a message that the one before it does."""
        id = self._find(message)
        if id is None or self._copies(id, spot, -1):
            return
        open_row = (id, spot.line)
        self._db.execute(
            "UPDATE held SET last = ? WHERE message = ? AND line = ? AND last IS NULL", (spot.position - 1, *open_row)
        )
        self._db.execute("DELETE FROM held WHERE message = ? AND line = ? AND last < first", open_row)

    def _copies(self, id: int, spot: LineagePosition, change: int) -> bool:
        """Count a message that a commit holds more than once; False if it is the only one."""
        at_least = 1 if change > 0 else 2
        return bool(
            self._db.execute(
                "UPDATE held SET copies = copies + ? WHERE message = ? AND line = ? AND last IS NULL AND copies >= ?",
                (change, id, spot.line, at_least),
            ).rowcount
        )

    def _find(self, message: Message) -> int | None:
        row = self._db.execute("SELECT id FROM messages WHERE hash = ?", (message_hash(message),)).fetchone()
        return row[0] if row else None

    def _insert(self, message: Message, time: int) -> int | None:
        text = searched_text(message)
        if not text.strip():
            return None
        row = (message_hash(message), self._text(text), ROLES.index(message.role), _seconds(message.time, time))
        return self._db.execute("INSERT INTO messages (hash, text, role, time) VALUES (?, ?, ?, ?)", row).lastrowid

    def _text(self, text: str) -> int:
        """The number of a text in the index: what was said before is there already."""
        hash = hash_of(text.encode("utf-8", "surrogatepass"))
        row = self._db.execute("SELECT id FROM texts WHERE hash = ?", (hash,)).fetchone()
        if row is not None:
            return int(row[0])
        self.characters += len(text)
        id, self._next = self._next, self._next + 1
        self._db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (id, indexed_text(text)))
        self._db.execute("INSERT INTO texts VALUES (?, ?)", (hash, id))
        return id


def _seconds(text: str | None, otherwise: int) -> int:
    """When a message was written; of one that does not say so, when it was saved (ns)."""
    try:
        return int(datetime.fromisoformat(text or "").timestamp())
    except (ValueError, OverflowError, OSError):
        return otherwise // 1_000_000_000
