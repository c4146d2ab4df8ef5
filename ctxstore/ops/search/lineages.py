"""Lineages: the part of the index that records which commits contain which messages.

A lineage (column ``line``) is a chain of commits, each the first parent of the next, with positions counted from 0. A
fork starts a new lineage, with a copy of the rows of the old one up to the fork. A row of ``held`` records that a
message is in the commits of a lineage from position `first` to `last`. Null in `last`: up to the tip.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.history.forgotten import ForgottenCommits
from ctxstore.ids import ID_SIZE, ObjectId

if TYPE_CHECKING:
    import sqlite3


class LineagePosition(NamedTuple):
    """The position of a commit: its lineage, and its number in the lineage."""

    lineage: int
    position: int


class IndexedCommit(NamedTuple):
    """A commit as the index records it. `tree` is the id of its content, `time` is in UTC nanoseconds."""

    id: ObjectId
    tree: ObjectId
    time: int
    is_forgotten: bool


class CommitRange(NamedTuple):
    """The first and last commit of a range that are not forgotten, and the number of commits that are not."""

    first: IndexedCommit
    last: IndexedCommit
    commits: int


class Lineages:
    """The lineages of an index."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._db = database

    def find(self, id: ObjectId) -> LineagePosition | None:
        """Finds a commit. If it is in several lineages, prefers one whose tip it is."""
        row = self._db.execute(
            "SELECT line, position FROM commits JOIN lines USING (line) WHERE id = ? ORDER BY position = tip DESC",
            (id,),
        ).fetchone()
        return None if row is None else LineagePosition(*row)

    def next_position(self, base: LineagePosition | None) -> LineagePosition:
        """Returns the position for a child of `base`. Starts a new lineage if `base` is None or not a tip."""
        if base is None:
            return LineagePosition(self._new_lineage(-1), 0)
        (tip,) = self._db.execute("SELECT tip FROM lines WHERE line = ?", (base.lineage,)).fetchone()
        lineage = base.lineage if base.position == tip else self._fork(base)
        return LineagePosition(lineage, base.position + 1)

    def _new_lineage(self, tip: int) -> int:
        return self._db.execute("INSERT INTO lines (tip) VALUES (?)", (tip,)).lastrowid or 0

    def _fork(self, base: LineagePosition) -> int:
        """Starts a new lineage with a copy of the rows up to `base`. Returns its number."""
        lineage, at = self._new_lineage(base.position), base.position
        self._db.execute(
            "INSERT INTO commits SELECT ?, position, id, tree, time, forgotten FROM commits "
            "WHERE line = ? AND position <= ?",
            (lineage, base.lineage, at),
        )
        self._db.execute(
            "INSERT INTO held SELECT message, ?, first, CASE WHEN last < ? THEN last END, place, length, "
            "copies, file FROM held WHERE line = ? AND first <= ?",
            (lineage, at, base.lineage, at),
        )
        return lineage

    def add(self, at: LineagePosition, commit: IndexedCommit) -> None:
        """Adds a commit, the new tip of its lineage."""
        self._db.execute("INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)", (*at, *commit))
        self._db.execute("UPDATE lines SET tip = ? WHERE line = ?", (at.position, at.lineage))

    def commits(self, lineage: int, first: int, last: int) -> list[IndexedCommit]:
        """Returns the commits from position `first` to `last`, both included, newest first."""
        rows = self._db.execute(
            "SELECT id, tree, time, forgotten FROM commits WHERE line = ? AND position BETWEEN ? AND ? "
            "ORDER BY position DESC",
            (lineage, first, last),
        )
        return [IndexedCommit(_id(id), _id(tree), int(time), bool(forgotten)) for id, tree, time, forgotten in rows]

    def find_range(self, lineage: int, first: int, last: int) -> CommitRange | None:
        """Finds the commits from position `first` to `last`, both included, that are not forgotten.

        Returns None if all of them are forgotten.
        """
        start, stop, count = self._db.execute(
            "SELECT min(position), max(position), count(*) FROM commits "
            "WHERE line = ? AND position BETWEEN ? AND ? AND NOT forgotten",
            (lineage, first, last),
        ).fetchone()
        if not count:
            return None
        (oldest,), (newest,) = (self.commits(lineage, at, at) for at in (start, stop))
        return CommitRange(oldest, newest, count)

    def mark_forgotten(self, forgotten: ForgottenCommits) -> bool:
        """Records which commits are forgotten. Returns True if one is not forgotten any more."""
        ids = set(forgotten.ids())
        rows = self._db.execute("SELECT DISTINCT id, forgotten FROM commits").fetchall()
        changed = [(id in ids, id) for id, was in rows if (id in ids) != bool(was)]
        self._db.executemany("UPDATE commits SET forgotten = ? WHERE id = ?", changed)
        return not all(is_forgotten for is_forgotten, _ in changed)

    def sweep(self, *, forgotten: bool) -> int:
        """Removes commits that no context contains any more, and messages that only such or forgotten commits contain.

        `forgotten` is True if the set of forgotten commits has changed since the last run. The trees of removed commits
        are recorded in the table ``gone``. Returns the number of texts that belong to no message any more.
        """
        db = self._db
        heads = dict(db.execute("SELECT line, max(position) FROM contexts WHERE line IS NOT NULL GROUP BY line"))
        lineages = db.execute("SELECT line, tip FROM lines").fetchall()
        longer = [lineage for lineage, tip in lineages if tip != heads.get(lineage, -1)]
        for lineage in longer:
            self.cut(lineage, heads.get(lineage, -1))
        if not longer and not forgotten:
            return 0
        db.execute(
            "DELETE FROM held WHERE last IS NOT NULL AND NOT EXISTS (SELECT 1 FROM commits WHERE line = held.line "
            "AND position BETWEEN held.first AND held.last AND NOT forgotten)"
        )
        db.execute("DELETE FROM messages WHERE NOT EXISTS (SELECT 1 FROM held WHERE message = messages.id)")
        return db.execute("DELETE FROM texts WHERE NOT EXISTS (SELECT 1 FROM messages WHERE text = texts.id)").rowcount

    def cut(self, lineage: int, tip: int) -> None:
        """Removes the commits after position `tip` from a lineage, or the whole lineage if `tip` is -1."""
        db, after = self._db, (lineage, tip)
        db.execute("INSERT OR IGNORE INTO gone SELECT tree FROM commits WHERE line = ? AND position > ?", after)
        db.execute("DELETE FROM commits WHERE line = ? AND position > ?", after)
        db.execute("DELETE FROM held WHERE line = ? AND first > ?", after)
        db.execute("UPDATE held SET last = NULL WHERE line = ? AND last >= ?", after)
        db.execute("UPDATE lines SET tip = ? WHERE line = ?", (tip, lineage))
        if tip < 0:
            db.execute("DELETE FROM lines WHERE line = ?", (lineage,))

    def is_collected(self, has: Callable[[ObjectId], bool]) -> bool:
        """Whether the content of a removed or forgotten commit no longer exists in the repository.

        `has` decides whether the repository contains an object. Adds the forgotten commits to the table ``gone``.
        """
        self._db.execute("INSERT OR IGNORE INTO gone SELECT tree FROM commits WHERE forgotten")
        return any(not has(ObjectId(tree)) for (tree,) in self._db.execute("SELECT tree FROM gone"))


def _id(value: object) -> ObjectId:
    """Checks an id from the database. Raises `ValueError` if it is not one: SQLite stores any type in any column."""
    if type(value) is not bytes or len(value) != ID_SIZE:
        raise ValueError("not an id")
    return ObjectId(value)
