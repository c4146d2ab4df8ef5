"""Bringing the index up to date: of each context that moved, the commits that are new, and of these what changed."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from blake3 import blake3

from ctxstore.errors import Corrupt, NotFound, SourceError
from ctxstore.history.commits import StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.forgotten import ForgottenCommits
from ctxstore.history.refs import decode_name
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId
from ctxstore.ops.content.view import View
from ctxstore.ops.search.changes import MessageChanges, first_step, next_step
from ctxstore.ops.search.database import compact, read_meta, write_meta
from ctxstore.ops.search.index_writer import IndexWriter
from ctxstore.ops.search.lineages import IndexedCommit, LineagePosition, Lineages
from ctxstore.progress import Progress

if TYPE_CHECKING:
    import sqlite3

BATCH = 16 << 20
"""Characters of a transaction: what an interrupted run has to do again."""

MANY_COMMITS = 500
"""Commits of a transaction."""

MUCH = 32 << 20
"""Characters after which the index is put together anew."""

SPARE = 3
"""The index is made anew when it has more than one dead text for so many live ones."""


class MustRebuild(Exception):
    """The index has words that should be gone, or misses some that came back."""


class IndexUpdate:
    """One run that brings the index up to date."""

    def __init__(self, engine: Engine, database: sqlite3.Connection, progress: Progress) -> None:
        self._engine = engine
        self._db = database
        self._progress = progress
        self._lines = Lineages(database)
        self._shelf = IndexWriter(database)
        self._commits = 0
        self._added = 0
        self._forgotten = ForgottenCommits(None)

    def run(self) -> None:
        """Bring the index up to date. Raises `MustRebuild`, and what SQLite raises."""
        root, data = self._engine.load()
        self._forgotten = self._engine.forgotten(root)
        state = blake3(data).digest()
        if read_meta(self._db, "root") == state:
            return
        self._progress.start("index (commits)", None)
        try:
            self._begin()
            self._contexts(root)
            self._let_go(root)
            write_meta(self._db, "root", state)
            self._commit()
            self._tidy()
        except BaseException:
            with suppress(Exception):
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._progress.done()

    def _begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._added += self._shelf.characters
        self._shelf = IndexWriter(self._db)
        self._commits = 0

    def _tidy(self) -> None:
        """After much was added: a fifth of the index is what its pieces have in common."""
        pending = int(str(read_meta(self._db, "untidy", 0))) + self._added + self._shelf.characters
        if pending >= MUCH and compact(self._db):
            pending = 0
        write_meta(self._db, "untidy", pending)

    def _commit(self) -> None:
        self._shelf.note()
        self._db.execute("COMMIT")

    def _contexts(self, root: RepositoryState) -> None:
        for name, head in self._moved(root):
            if head is None:
                self._db.execute("DELETE FROM contexts WHERE name = ?", (name,))
            else:
                self._context(name, head)
                self._breathe()

    def _moved(self, root: RepositoryState) -> list[tuple[bytes, ObjectId | None]]:
        """(context, newest commit) of those that are not as the index has them; None: it is gone.

        Those that could not be read the last time are tried again, from their beginning.
        """
        failed = "SELECT line FROM contexts WHERE problem IS NOT NULL AND line IS NOT NULL"
        for (line,) in self._db.execute(failed).fetchall():
            self._lines.cut(line, -1)
            self._db.execute("UPDATE contexts SET problem = '' WHERE line = ?", (line,))
        known = dict(self._db.execute("SELECT name, head FROM contexts WHERE problem IS NULL"))
        names = {name for (name,) in self._db.execute("SELECT name FROM contexts")}
        now = {encode_name(name): id for name, id in self._engine.refs(root).iter()}
        moved: list[tuple[bytes, ObjectId | None]] = [(name, id) for name, id in now.items() if known.get(name) != id]
        return [*((name, None) for name in names - now.keys()), *moved]

    def _context(self, name: bytes, head: ObjectId) -> None:
        """Index the commits of a context that are new. What can't be read is noted; the rest is there."""
        problem: str | None = None
        base: LineagePosition | None = None
        waiting: list[StoredCommit] = []
        try:
            base, waiting = self._new_commits(head)
        except (Corrupt, NotFound) as error:
            problem = error.message
        previous = self._view_before(base)
        for stored in waiting:
            base = self._lines.following(base)
            view, failed = self._step(stored, previous, base)
            problem, previous = failed or problem, view or previous
            self._breathe()
        spot = self._lines.find(head)
        agent, project = self._who(head)
        row = (name, head, *(spot or (None, None)), agent, project, problem)
        self._db.execute("INSERT OR REPLACE INTO contexts VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _who(self, head: ObjectId) -> tuple[str, str]:
        """What the filters for agents and projects look at."""
        try:
            commit = read_commit(self._engine.store, head)
        except (Corrupt, NotFound):
            return "", ""
        return _text(f"{commit.summary.agent or ''}\n{commit.source}"), _text(commit.summary.project or "")

    def _new_commits(self, head: ObjectId) -> tuple[LineagePosition | None, list[StoredCommit]]:
        """The nearest known commit that `head` descends from by first parents, and those since, oldest first."""
        waiting: list[StoredCommit] = []
        id = head
        while True:
            spot = self._lines.find(id)
            if spot is not None:
                return spot, waiting[::-1]
            try:
                commit = read_commit(self._engine.store, id)
            except (Corrupt, NotFound):
                if not waiting:
                    raise
                return None, waiting[::-1]
            waiting.append(StoredCommit(id, commit))
            if not commit.parents:
                return None, waiting[::-1]
            id = commit.parents[0]

    def _view_before(self, base: LineagePosition | None) -> View | None:
        """The newest commit up to `base` whose content can be read."""
        if base is None:
            return None
        for id, *_ in self._lines.commits(base.line, 0, base.position):
            with suppress(Corrupt, NotFound):
                return View(self._engine, "", id, read_commit(self._engine.store, id))
        return None

    def _step(
        self, stored: StoredCommit, previous: View | None, spot: LineagePosition
    ) -> tuple[View | None, str | None]:
        """Index one commit: its content, or None, and what was wrong with it."""
        id, commit = stored
        mark = self._forgotten.find(id)
        view, problem = None, None
        self._db.execute("SAVEPOINT step")
        try:
            view = View(self._engine, commit.ref, id, commit)
            self._put(next_step(self._engine, previous, view) if previous else first_step(view), spot, commit.time)
        except (Corrupt, NotFound, SourceError) as error:
            # What of a first commit could be read stays: more than nothing is found.
            if previous is not None:
                self._db.execute("ROLLBACK TO step")
            view = view if previous is None else None
            problem = error.message if mark is None else None
        self._lines.add(spot, IndexedCommit(id, commit.tree, commit.time, mark is not None))
        self._db.execute("RELEASE step")
        self._commits += 1
        self._progress.advance(1)
        return view, problem

    def _put(self, step: MessageChanges, spot: LineagePosition, time: int) -> None:
        for message in step.added:
            self._shelf.add(message, spot, time)
        for message in step.removed:
            self._shelf.remove(message, spot)

    def _breathe(self) -> None:
        """Make what was done so far last, now and then: who is interrupted goes on from there."""
        if self._shelf.characters >= BATCH or self._commits >= MANY_COMMITS:
            self._commit()
            self._begin()

    def _let_go(self, root: RepositoryState) -> None:
        """Drop what is no longer there; raise `MustRebuild` if its words have to go, too."""
        is_changed = read_meta(self._db, "forgotten") != root.forgotten
        if is_changed:
            if self._lines.mark_forgotten(self._forgotten):
                raise MustRebuild
            write_meta(self._db, "forgotten", root.forgotten)
        dead = int(str(read_meta(self._db, "dead", 0))) + self._lines.sweep(forgotten=is_changed)
        write_meta(self._db, "dead", dead)
        if not dead:
            return
        (alive,) = self._db.execute("SELECT count(*) FROM texts").fetchone()
        if dead * SPARE > alive or self._lines.is_collected(self._engine.store.has):
            raise MustRebuild


def encode_name(name: str) -> bytes:
    """A context's name as the index keeps it: any bytes."""
    return name.encode("utf-8", "surrogateescape")


def _text(text: str) -> str:
    """A text as SQLite can keep it."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def problems(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """(context, message) of what could not be read."""
    rows = database.execute("SELECT name, problem FROM contexts WHERE problem IS NOT NULL ORDER BY name").fetchall()
    return [(decode_name(name), str(problem)) for name, problem in rows]
