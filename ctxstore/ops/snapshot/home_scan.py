"""The scan of one home: compares an agent's data with its last saved state and writes commits for what changed.

A home is a folder where an agent keeps its data.
"""

import os
import time
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.history.commits import Commit, Summary, read_commit, write_commit
from ctxstore.history.engine import Engine
from ctxstore.history.predecessors import DAMAGE
from ctxstore.history.transaction import Move, Transaction
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.capture import Capture, CapturedContext, PreviousState, only_times_differ, size_of
from ctxstore.ops.snapshot.last_saved import LastSaved
from ctxstore.ops.snapshot.previous_commit import DamagedContext, PreviousCommit
from ctxstore.ops.snapshot.shrink_guard import Shrunk, find_shrink
from ctxstore.ops.snapshot.stat_cache import SavedContext, StatCache, make_saved_context, save_cache
from ctxstore.ops.snapshot.summary import summarise
from ctxstore.ops.snapshot.targets import Target
from ctxstore.progress import Progress
from ctxstore.sources.agents import project_at
from ctxstore.sources.protocol import FoundContext, Skipped
from ctxstore.trees.entries import decode_key


class SourceReport(NamedTuple):
    """The result of a snapshot for one home, whose path is `root`.

    - `new`, `changed`, `vanished`: the names of contexts. `unchanged`: the number of the others.
    - `bytes_read`: the bytes read from files.
    - `bytes_new`: the bytes of new objects, including trees and commits, before compression.
    - `damaged`: the contexts whose stored state is unreadable.
    """

    source: str
    agent: str
    root: str
    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    vanished: tuple[str, ...]
    shrunk: tuple[Shrunk, ...]
    skipped: tuple[Skipped, ...]
    bytes_read: int
    bytes_new: int
    damaged: tuple[DamagedContext, ...] = ()


class SnapshotOptions(NamedTuple):
    """The options of a snapshot.

    - `session`: which contexts to save. If `session` contains a slash, only the context of this name is saved.
      Without a slash, the contexts are saved whose last name part starts with `session`.
    - `always`: writes a commit for each of these contexts, even for an unchanged one.
    """

    note: str = ""
    kind: str = "auto"
    session: str | None = None
    always: bool = False


class HomeScan:
    """Compares one home with its last saved state, and saves the contexts that changed."""

    def __init__(self, engine: Engine, target: Target, options: SnapshotOptions) -> None:
        self._engine = engine
        self._target = target
        self._options = options
        self._scanned_at = time.time_ns()  # file times come from this clock, not from `environment.clock`
        self._saved = LastSaved(engine, target)
        self._cache, self._heads = self._saved.cache, self._saved.heads
        self._skipped: list[Skipped] = []
        self._contexts_now: dict[str, SavedContext] = {}
        self._new: list[str] = []
        self._changed: list[str] = []
        self._shrunk: list[Shrunk] = []
        self._damaged: list[DamagedContext] = []
        self._unchanged = 0
        self.bytes_read = self._bytes_new = 0
        self._to_read = self._find_changed()
        self._vanished = self._find_vanished()

    def _find_changed(self) -> list[FoundContext]:
        """Returns the contexts to read. Contexts that the stat cache proves unchanged are only counted."""
        found = []
        for context in self._iter_requested():
            if not context.files and self._is_home_unlistable():
                continue
            saved = self._saved.find_unchanged(context)
            if saved is not None and not self._options.always:
                self._contexts_now[context.name] = saved
                self._unchanged += 1
            else:
                found.append(context)
        return found

    def _iter_requested(self) -> Iterator[FoundContext]:
        """Lists the contexts in the home that the options select."""
        source, home = self._target
        session = self._options.session or ""
        if "/" in session:
            name = session.removesuffix(self._saved.suffix)
            context = source.find_context(home, name, self._skipped.append)
            yield from [self._saved.own(context)] if context else []
            return
        for context in map(self._saved.own, source.contexts(home, self._skipped.append)):
            if context.name.rpartition("/")[2].startswith(session):
                yield context

    def _is_home_unlistable(self) -> bool:
        """Whether the home is missing or can't be listed. An empty listing then does not prove that the contexts
        vanished."""
        path = self._target.home.path
        return not os.path.lexists(path) or any(skipped.path == path for skipped in self._skipped)

    def _find_vanished(self) -> list[str]:
        """Returns the saved contexts whose files are no longer in the home."""
        if self._options.session:
            return []
        if any(skipped.failed for skipped in self._skipped) and os.path.lexists(self._target.home.path):
            # Folders that could not be listed may contain the missing contexts. Report only those that had vanished
            # before.
            return [name for name in self._heads if self._is_known_vanished(name)]
        present = self._contexts_now.keys() | {context.name for context in self._to_read}
        return [name for name in self._heads if name not in present and self._was_saved_from_home(name)]

    def _was_saved_from_home(self, name: str) -> bool:
        """Whether the context was saved from this home."""
        if name in self._cache.contexts:
            return True
        try:
            commit = read_commit(self._engine.store, self._heads[name])
        except DAMAGE as error:
            self._damaged.append(DamagedContext(name, self._heads[name], error.message, False))
            return False  # unknown: it may be a fork
        is_here = not self._saved.is_from_elsewhere(commit)
        return is_here and (commit.ref, commit.root) == (name, self._target.home.path)  # a fork has no files in a home

    @property
    def is_up_to_date(self) -> bool:
        """Whether the scan has nothing to do: no context to read, and every vanished context is in the stat cache."""
        vanished = [name for name in self._vanished if not self._is_known_vanished(name)]
        return not self._to_read and not vanished

    def _is_known_vanished(self, name: str) -> bool:
        """Whether the stat cache records that the context vanished."""
        saved = self._saved.find(name)
        return saved is not None and saved.raw_rows is None

    def to_read(self) -> list[FoundContext]:
        """Returns the contexts that may have changed, in the source's order."""
        return self._to_read

    def begin(self, tx: Transaction, progress: Progress) -> None:
        """Begins a transaction, to which `save` writes from now on."""
        self._tx = tx
        self._listed_again: dict[str, FoundContext] | None = None
        self._capture = Capture(self._engine, tx.writer, self._target, skipped=self._skipped, progress=progress)

    def save(self, context: FoundContext) -> Move | None:
        """Reads a context and returns the ref move for its new commit, or None if no commit is needed."""
        before = self._tx.raw_bytes, self._capture.bytes_read
        head = self._tx.refs.find(context.name)
        if head != self._heads.get(context.name) and (listed := self._list_again(context.name)) is not None:
            context = listed
        move = self._save_context(self._tx, self._capture, context, head)
        self._bytes_new += self._tx.raw_bytes - before[0]
        self.bytes_read += self._capture.bytes_read - before[1]
        return move

    def _list_again(self, name: str) -> FoundContext | None:
        """Lists a context's files again, because another process saved the context, perhaps with newer files."""
        if self._listed_again is None:
            self._listed_again = {context.name: context for context in self._iter_requested()}
        return self._listed_again.get(name)

    def retract(self, name: str) -> None:
        """Removes a context from the result, because its commit was not published. The context must be saved again."""
        if self._contexts_now.pop(name, None) is None:
            return
        for names in (self._new, self._changed):
            if name in names:
                names.remove(name)
                break
        else:
            self._unchanged -= 1
        self._shrunk = [shrunk for shrunk in self._shrunk if shrunk.ref != name]
        self._damaged = [damaged for damaged in self._damaged if damaged.ref != name]

    def _save_context(
        self, tx: Transaction, capture: Capture, context: FoundContext, head: ObjectId | None
    ) -> Move | None:
        """Writes a commit for one context and returns the ref move. Returns None if no commit is needed."""
        previous = PreviousCommit(self._engine, tx.root, head)
        saved = self._cache.contexts.get(context.name)
        state = PreviousState(previous, saved if saved and saved.head == head else None, self._cache.scanned_at)
        captured = capture.capture(context, state, only_state=self._options.kind == "incremental")
        if previous.damage and head is not None:
            self._damaged.append(DamagedContext(context.name, head, previous.damage, bool(captured.rows)))
        if not self._options.always and self._is_same(context.name, captured, previous):
            self._unchanged += 1
            assert head is not None and previous.summary is not None
            self._contexts_now[context.name] = make_saved_context(head, previous.summary, captured.rows)
            return None
        if not captured.rows and previous.commit is None:
            return None  # nothing was readable: the files are reported, and the next snapshot tries again
        commit = self._commit(context.name, captured, previous)
        id = write_commit(tx.writer, commit)
        self._contexts_now[context.name] = make_saved_context(id, commit.summary, captured.rows)
        (self._changed if head is not None else self._new).append(context.name)
        return Move(context.name, head, id)

    def _is_same(self, name: str, captured: CapturedContext, previous: PreviousCommit) -> bool:
        """Whether the context needs no new commit.

        Agents touch a session's files even when they only open the session. So changed times alone are no new state.
        """
        if previous.commit is None:
            return False
        if captured.tree == previous.commit.tree:
            return not previous.damage
        if sum(map(size_of, captured.entries.values())) != previous.commit.summary.bytes:
            return False  # avoids reading the previous tree in most cases
        is_session = self._target.source.transcript(name, [decode_key(key) for key in captured.entries]) is not None
        return is_session and only_times_differ(previous.entries(), captured.entries)

    def _commit(self, name: str, captured: CapturedContext, previous: PreviousCommit) -> Commit:
        """Returns the commit for a captured context, and records a shrink."""
        parents, generation = previous.lineage()
        before = previous.summary
        summary = summarise(
            self._target.source,
            name,
            captured.entries,
            captured.attributes,
            before,
            project_at(self._target.source.name, self._target.home.path),
        )
        shrunk = find_shrink(name, before, summary, parents[0]) if before else None
        if shrunk:
            self._shrunk.append(shrunk)
        return Commit(
            tree=captured.tree,
            parents=parents,
            generation=generation,
            time=self._engine.environment.clock(),
            author=self._engine.environment.author,
            ref=name,
            note=self._options.note or previous.note(),
            kind=self._options.kind,
            source=self._target.source.name,
            root=self._target.home.path,
            label=self._target.home.label,
            shrunk=shrunk is not None,
            summary=summary,
        )

    def save_stat_cache(self, before: ObjectId | None, after: ObjectId, *, is_last: bool) -> None:
        """Saves the stat cache, including contexts that `session` excluded from the scan or that are not read yet.

        - `before`: the refs map that the first transaction read, or None if another process moved a ref since.
        - `after`: the refs map that the snapshot's last transaction published.
        - `is_last`: False if some contexts have not been read yet.
        """
        vanished = {}
        for name in self._vanished:
            saved = self._cache.contexts.get(name)
            vanished[name] = make_saved_context(self._heads[name], saved.summary if saved else Summary(), None)
        # Contexts that were not scanned keep their records. They are only as recent as the older scan.
        is_partial = bool(self._options.session) or not is_last
        others = {name: saved for name, saved in self._cache.contexts.items() if is_partial and self._saved.find(name)}
        scanned_at = min(self._cache.scanned_at, self._scanned_at) if others else self._scanned_at
        # The next snapshot reads the heads from the cache only if the cache is complete and no other run moved a ref.
        is_complete = is_last and before == self._saved.refs and (not is_partial or self._cache.refs == before)
        save_cache(
            self._saved.path,
            StatCache(scanned_at, after if is_complete else None, {**others, **vanished, **self._contexts_now}),
        )

    def report(self) -> SourceReport:
        """Returns the result of this scan."""
        return SourceReport(
            source=self._target.source.name,
            agent=self._target.source.agent,
            root=self._target.home.path,
            new=tuple(self._new),
            changed=tuple(self._changed),
            unchanged=self._unchanged,
            vanished=tuple(self._vanished),
            shrunk=tuple(self._shrunk),
            skipped=tuple(self._skipped),
            bytes_read=self.bytes_read,
            bytes_new=self._bytes_new,
            damaged=tuple(self._damaged),
        )
