"""The update of the index: for each context that moved, indexes what its new commits changed."""

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
from ctxstore.ops.search.changes import MessageChanges, all_messages, message_changes
from ctxstore.ops.search.database import compact, read_meta, write_meta
from ctxstore.ops.search.index_writer import IndexWriter
from ctxstore.ops.search.lineages import IndexedCommit, LineagePosition, Lineages
from ctxstore.progress import Progress
from ctxstore.sources.agents import project_at

if TYPE_CHECKING:
    import sqlite3

BATCH_CHARACTERS = 16 << 20
"""The characters that one transaction indexes. An interrupted run has to repeat at most that many."""

BATCH_COMMITS = 500
"""The commits that one transaction indexes."""

COMPACT_AFTER = 32 << 20
"""The characters after which the index is compacted."""

LIVE_PER_DEAD = 3
"""The index is rebuilt when there is more than one dead text for this number of live ones."""


class MustRebuild(Exception):
    """The index contains words that it must not contain any more, or lacks messages of a commit that came back."""


class IndexUpdate:
    """An update of the index to the current root."""

    def __init__(self, engine: Engine, database: sqlite3.Connection, progress: Progress) -> None:
        self._engine = engine
        self._db = database
        self._progress = progress
        self._lineages = Lineages(database)
        self._writer = IndexWriter(database)
        self._commits = 0
        self._added = 0
        self._forgotten = ForgottenCommits(None)

    def run(self) -> None:
        """Updates the index to the current root. Raises `MustRebuild`, and the errors of SQLite.

        An interrupted run leaves an index that the next run continues.
        """
        root, data = self._engine.load()
        self._forgotten = self._engine.forgotten(root)
        state = blake3(data).digest()
        if read_meta(self._db, "root") == state:
            return
        self._progress.start("index (commits)", None)
        try:
            self._begin()
            self._index_contexts(root)
            self._remove_unreachable(root)
            write_meta(self._db, "root", state)
            self._commit()
            self._compact_if_due()
        except BaseException:
            with suppress(Exception):
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._progress.done()

    def _begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._added += self._writer.characters
        self._writer = IndexWriter(self._db)
        self._commits = 0

    def _compact_if_due(self) -> None:
        """Compacts the index after many additions, which saves about a fifth of its size."""
        pending = int(str(read_meta(self._db, "untidy", 0))) + self._added + self._writer.characters
        if pending >= COMPACT_AFTER and compact(self._db):
            pending = 0
        write_meta(self._db, "untidy", pending)

    def _commit(self) -> None:
        self._writer.save_counter()
        self._db.execute("COMMIT")

    def _index_contexts(self, root: RepositoryState) -> None:
        for name, head in self._moved_contexts(root):
            if head is None:
                self._db.execute("DELETE FROM contexts WHERE name = ?", (name,))
            else:
                self._index_context(name, head)
                self._commit_batch()

    def _moved_contexts(self, root: RepositoryState) -> list[tuple[bytes, ObjectId | None]]:
        """Returns (name, head) of each context whose head differs from the indexed one. None: it was removed.

        Contexts that could not be read the last time are included. Their lineages are removed, to be indexed again.
        """
        failed = "SELECT line FROM contexts WHERE problem IS NOT NULL AND line IS NOT NULL"
        for (lineage,) in self._db.execute(failed).fetchall():
            self._lineages.cut(lineage, -1)
            self._db.execute("UPDATE contexts SET problem = '' WHERE line = ?", (lineage,))
        known = dict(self._db.execute("SELECT name, head FROM contexts WHERE problem IS NULL"))
        names = {name for (name,) in self._db.execute("SELECT name FROM contexts")}
        now = {encode_name(name): id for name, id in self._engine.refs(root).iter()}
        moved: list[tuple[bytes, ObjectId | None]] = [(name, id) for name, id in now.items() if known.get(name) != id]
        return [*((name, None) for name in names - now.keys()), *moved]

    def _index_context(self, name: bytes, head: ObjectId) -> None:
        """Indexes the new commits of a context. Records a commit that cannot be read, and continues with the next."""
        problem: str | None = None
        base: LineagePosition | None = None
        commits: list[StoredCommit] = []
        try:
            base, commits = self._new_commits(head)
        except (Corrupt, NotFound) as error:
            problem = error.message
        previous = self._view_before(base)
        for stored in commits:
            base = self._lineages.next_position(base)
            view, failed = self._index_commit(stored, previous, base)
            problem, previous = failed or problem, view or previous
            self._commit_batch()
        at = self._lineages.find(head)
        agent, project = self._agent_and_project(head)
        row = (name, head, *(at or (None, None)), agent, project, problem)
        self._db.execute("INSERT OR REPLACE INTO contexts VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def _agent_and_project(self, head: ObjectId) -> tuple[str, str]:
        """Returns the texts of a commit that the filters for agents and projects compare."""
        try:
            commit = read_commit(self._engine.store, head)
        except (Corrupt, NotFound):
            return "", ""
        project = commit.summary.project or project_at(commit.source, commit.root) or ""
        return _text(f"{commit.summary.agent or ''}\n{commit.source}"), _text(project)

    def _new_commits(self, head: ObjectId) -> tuple[LineagePosition | None, list[StoredCommit]]:
        """Follows first parents from `head` to the nearest indexed commit.

        Returns its position (None if there is none) and the commits after it up to `head`, oldest first. An ancestor
        that cannot be read ends the walk. Raises `Corrupt` or `NotFound` if `head` cannot be read.
        """
        commits: list[StoredCommit] = []
        id = head
        while True:
            at = self._lineages.find(id)
            if at is not None:
                return at, commits[::-1]
            try:
                commit = read_commit(self._engine.store, id)
            except (Corrupt, NotFound):
                if not commits:
                    raise
                return None, commits[::-1]
            commits.append(StoredCommit(id, commit))
            if not commit.parents:
                return None, commits[::-1]
            id = commit.parents[0]

    def _view_before(self, base: LineagePosition | None) -> View | None:
        """Returns the content of the newest commit at or before `base` that can be read, or None."""
        if base is None:
            return None
        for commit in self._lineages.commits(base.lineage, 0, base.position):
            with suppress(Corrupt, NotFound):
                return View(self._engine, "", commit.id, read_commit(self._engine.store, commit.id))
        return None

    def _index_commit(
        self, stored: StoredCommit, previous: View | None, at: LineagePosition
    ) -> tuple[View | None, str | None]:
        """Indexes one commit: the changes since `previous`, or all its messages if that is None.

        Returns its content if the next commit can be compared with it, and the error message if it cannot be read. A
        forgotten commit has no error message: its content may be collected.
        """
        id, commit = stored
        mark = self._forgotten.find(id)
        view, problem = None, None
        self._db.execute("SAVEPOINT step")
        try:
            view = View(self._engine, commit.ref, id, commit)
            changes = message_changes(self._engine, previous, view) if previous else all_messages(view)
            for each in changes:
                self._write(each, at, commit.time)
        except (Corrupt, NotFound, SourceError) as error:
            # The messages of a first commit that could be read stay in the index: finding some is better than none.
            if previous is not None:
                self._db.execute("ROLLBACK TO step")
            view = view if previous is None else None
            problem = error.message if mark is None else None
        self._lineages.add(at, IndexedCommit(id, commit.tree, commit.time, mark is not None))
        self._db.execute("RELEASE step")
        self._commits += 1
        self._progress.advance(1)
        return view, problem

    def _write(self, changes: MessageChanges, at: LineagePosition, time: int) -> None:
        file = self._writer.number_file(changes.path) if changes.path else 0
        for message in changes.added:
            self._writer.add(message, at, time, file)
        for message in changes.removed:
            self._writer.remove(message, at)

    def _commit_batch(self) -> None:
        """Commits the transaction if it is large enough, so that an interrupted run resumes there."""
        if self._writer.characters >= BATCH_CHARACTERS or self._commits >= BATCH_COMMITS:
            self._commit()
            self._begin()

    def _remove_unreachable(self, root: RepositoryState) -> None:
        """Removes commits and messages that are forgotten or in no context any more.

        FTS5 cannot delete words, so dead texts stay in the index. Raises `MustRebuild` if there are too many, if
        content of removed commits was collected, or if a forgotten commit came back.
        """
        is_changed = read_meta(self._db, "forgotten") != root.forgotten
        if is_changed:
            if self._lineages.mark_forgotten(self._forgotten):
                raise MustRebuild
            write_meta(self._db, "forgotten", root.forgotten)
        dead = int(str(read_meta(self._db, "dead", 0))) + self._lineages.sweep(forgotten=is_changed)
        write_meta(self._db, "dead", dead)
        if not dead:
            return
        (alive,) = self._db.execute("SELECT count(*) FROM texts").fetchone()
        if dead * LIVE_PER_DEAD > alive or self._lineages.is_collected(self._engine.store.has):
            raise MustRebuild


def encode_name(name: str) -> bytes:
    """Encodes a context's name for the index. Names can contain any bytes."""
    return name.encode("utf-8", "surrogateescape")


def _text(text: str) -> str:
    """Replaces bytes that are not UTF-8, which SQLite cannot store as text, by escapes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def problems(database: sqlite3.Connection) -> list[tuple[str, str]]:
    """Returns (context, error message) of the contexts that could not be read completely."""
    rows = database.execute("SELECT name, problem FROM contexts WHERE problem IS NOT NULL ORDER BY name").fetchall()
    return [(decode_name(name), str(problem)) for name, problem in rows]
