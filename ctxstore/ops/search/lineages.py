"""Which commits hold which messages.

A line is a run of commits, each the first parent of the next, counted by position. A fork begins a line of its own,
with a copy of what was known of the one it left, up to there. A row of ``held`` says that a message is in a line's
commits from `first` to `last`; null: up to its tip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.history.forgotten import ForgottenCommits
from ctxstore.ids import ID_SIZE, ObjectId

if TYPE_CHECKING:
    import sqlite3


class LineagePosition(NamedTuple):
    """A commit's place: its line, and its position in it."""

    line: int
    position: int


class IndexedCommit(NamedTuple):
    """A commit as the index knows it; `tree` of content."""

    id: ObjectId
    tree: ObjectId
    time: int
    is_forgotten: bool


class Lineages:
    """The lines in a database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def find(self, id: ObjectId) -> LineagePosition | None:
        """Where a commit is; at the tip of a line, if it is in several."""
        row = self._db.execute(
            "SELECT line, position FROM commits JOIN lines USING (line) WHERE id = ? ORDER BY position = tip DESC",
            (id,),
        ).fetchone()
        return None if row is None else LineagePosition(*row)

    def following(self, base: LineagePosition | None) -> LineagePosition:
        """The place after `base`: the next of its line, or in a new one."""
        if base is None:
            return LineagePosition(self._new_line(-1), 0)
        (tip,) = self._db.execute("SELECT tip FROM lines WHERE line = ?", (base.line,)).fetchone()
        line = base.line if base.position == tip else self._fork(base)
        return LineagePosition(line, base.position + 1)

    def _new_line(self, tip: int) -> int:
        return self._db.execute("INSERT INTO lines (tip) VALUES (?)", (tip,)).lastrowid or 0

    def _fork(self, base: LineagePosition) -> int:
        line, at = self._new_line(base.position), base.position
        self._db.execute(
            "INSERT INTO commits SELECT ?, position, id, tree, time, forgotten FROM commits "
            "WHERE line = ? AND position <= ?",
            (line, base.line, at),
        )
        self._db.execute(
            "INSERT INTO held SELECT message, ?, first, CASE WHEN last < ? THEN last END, place, length, copies "
            "FROM held WHERE line = ? AND first <= ?",
            (line, at, base.line, at),
        )
        return line

    def add(self, spot: LineagePosition, commit: IndexedCommit) -> None:
        """Put a commit at the tip of a line."""
        self._db.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", (*spot, *commit))
        self._db.execute("UPDATE lines SET tip = ? WHERE line = ?", (spot.position, spot.line))

    def commits(self, line: int, first: int, last: int) -> list[IndexedCommit]:
        """The commits from position `first` to `last`, newest first."""
        rows = self._db.execute(
            "SELECT id, tree, time, forgotten FROM commits WHERE line = ? AND position BETWEEN ? AND ? "
            "ORDER BY position DESC",
            (line, first, last),
        )
        return [IndexedCommit(_id(id), _id(tree), int(time), bool(gone)) for id, tree, time, gone in rows]

    def holding(self, line: int, first: int, last: int) -> tuple[IndexedCommit, IndexedCommit, int] | None:
        """The first and the last commit from position `first` to `last` that is not forgotten, and how many are not."""
        start, stop, number = self._db.execute(
            "SELECT min(position), max(position), count(*) FROM commits "
            "WHERE line = ? AND position BETWEEN ? AND ? AND NOT forgotten",
            (line, first, last),
        ).fetchone()
        if not number:
            return None
        (oldest,), (newest,) = (self.commits(line, at, at) for at in (start, stop))
        return oldest, newest, number

    def mark_forgotten(self, forgotten: ForgottenCommits) -> bool:
        """Note which commits are forgotten; whether one came back."""
        ids = set(forgotten.ids())
        rows = self._db.execute("SELECT DISTINCT id, forgotten FROM commits").fetchall()
        changed = [(id in ids, id) for id, was in rows if (id in ids) != bool(was)]
        self._db.executemany("UPDATE commits SET forgotten = ? WHERE id = ?", changed)
        return not all(is_forgotten for is_forgotten, _ in changed)

    def sweep(self, *, forgotten: bool) -> int:
        """Drop what no context holds any more: how many texts that leaves without a message.

        `forgotten`: other commits are than the last time. The trees of the commits that go, and of forgotten ones, are
        noted in ``gone``.
        """
        db = self._db
        heads = dict(db.execute("SELECT line, max(position) FROM contexts WHERE line IS NOT NULL GROUP BY line"))
        longer = [line for line, tip in db.execute("SELECT line, tip FROM lines") if tip != heads.get(line, -1)]
        for line in longer:
            self.cut(line, heads.get(line, -1))
        if not longer and not forgotten:
            return 0
        db.execute(
            "DELETE FROM held WHERE last IS NOT NULL AND NOT EXISTS (SELECT 1 FROM commits WHERE line = held.line "
            "AND position BETWEEN held.first AND held.last AND NOT forgotten)"
        )
        db.execute("DELETE FROM messages WHERE NOT EXISTS (SELECT 1 FROM held WHERE message = messages.id)")
        return db.execute("DELETE FROM texts WHERE NOT EXISTS (SELECT 1 FROM messages WHERE text = texts.id)").rowcount

    def cut(self, line: int, tip: int) -> None:
        """Take back what comes after position `tip`; all of the line if that is before its first."""
        db = self._db
        db.execute("INSERT OR IGNORE INTO gone SELECT tree FROM commits WHERE line = ? AND position > ?", (line, tip))
        db.execute("DELETE FROM commits WHERE line = ? AND position > ?", (line, tip))
        db.execute("DELETE FROM held WHERE line = ? AND first > ?", (line, tip))
        db.execute("UPDATE held SET last = NULL WHERE line = ? AND last >= ?", (line, tip))
        db.execute("UPDATE lines SET tip = ? WHERE line = ?", (tip, line))
        if tip < 0:
            db.execute("DELETE FROM lines WHERE line = ?", (line,))

    def is_collected(self, has: Callable[[ObjectId], bool]) -> bool:
        """Whether content of commits that went is no longer in the repository."""
        self._db.execute("INSERT OR IGNORE INTO gone SELECT tree FROM commits WHERE forgotten")
        return any(not has(ObjectId(tree)) for (tree,) in self._db.execute("SELECT tree FROM gone"))


def _id(value: object) -> ObjectId:
    """An id as the database has it. Raises `ValueError`: SQLite keeps anything."""
    if type(value) is not bytes or len(value) != ID_SIZE:
        raise ValueError("not an id")
    return ObjectId(value)
