"""One look at one root: what is there against what was saved, and the commits that follow from it."""

import os
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.history.commits import Commit, Summary, read_commit, write_commit
from ctxstore.history.engine import Engine
from ctxstore.history.transaction import Move, Transaction
from ctxstore.ids import ObjectId
from ctxstore.ops.snapshot.capture import Base, Capture, Captured, only_times_differ, size_of, summarise
from ctxstore.ops.snapshot.last_saved import LastSaved
from ctxstore.ops.snapshot.shrink_guard import Shrunk, find_shrink
from ctxstore.ops.snapshot.stat_cache import SavedContext, StatCache, save_cache, saw
from ctxstore.ops.snapshot.targets import Target
from ctxstore.progress import Progress
from ctxstore.sources.protocol import FoundContext, Skipped
from ctxstore.trees.entries import decode_key


class SourceReport(NamedTuple):
    """What a snapshot found at one root.

    `bytes_read` from files; `bytes_new` of objects not stored before, structure included, uncompressed.
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


class SnapshotOptions(NamedTuple):
    """How to snapshot: `session` takes only the context of that name or, if it has no slash, those whose last part
    starts with it; `always` makes a commit of each context taken, also if it is as it was."""

    note: str = ""
    kind: str = "auto"
    session: str | None = None
    always: bool = False


class HomeScan:
    """One look at one root: what is there against what was saved."""

    def __init__(self, engine: Engine, target: Target, options: SnapshotOptions) -> None:
        self._engine = engine
        self._target = target
        self._options = options
        self._looked = time.time_ns()  # the clock that stamps files, whatever the environment's says
        self._saved = LastSaved(engine, target)
        self._cache, self._heads = self._saved.cache, self._saved.heads
        self._skipped: list[Skipped] = []
        self._seen: dict[str, SavedContext] = {}
        self._new: list[str] = []
        self._changed: list[str] = []
        self._shrunk: list[Shrunk] = []
        self._unchanged = 0
        self.bytes_read = self._bytes_new = 0
        self._open = self._find_changed()
        self._vanished = self._find_vanished()

    def _find_changed(self) -> list[FoundContext]:
        found = []
        for context in self._contexts():
            if not context.files and self._is_unseen():
                continue
            seen = self._saved.find_unchanged(context)
            if seen is not None and not self._options.always:
                self._seen[context.name] = seen
                self._unchanged += 1
            else:
                found.append(context)
        return found

    def _contexts(self) -> Iterator[FoundContext]:
        """What there is of what was asked for."""
        source, root = self._target
        session = self._options.session or ""
        if "/" in session:
            context = source.find_context(root, session, self._skipped.append)
            yield from [context] if context else []
            return
        for context in source.contexts(root, self._skipped.append):
            if context.name.rpartition("/")[2].startswith(session):
                yield context

    def _is_unseen(self) -> bool:
        """Whether the root is gone or can't be listed: that it looks empty then says nothing of what was there."""
        path = self._target.root.path
        return not os.path.lexists(path) or any(skipped.path == path for skipped in self._skipped)

    def _find_vanished(self) -> list[str]:
        if self._options.session:
            return []
        if any(skipped.failed for skipped in self._skipped) and os.path.lexists(self._target.root.path):
            # What could not be listed may hold them: only what was known to be gone counts as gone.
            return [name for name in self._heads if self._is_known_gone(name)]
        there = self._seen.keys() | {context.name for context in self._open}
        return [name for name in self._heads if name not in there and self._was_here(name)]

    def _was_here(self, name: str) -> bool:
        if name in self._cache.contexts:
            return True
        commit = read_commit(self._engine.store, self._heads[name])
        return (commit.ref, commit.root) == (name, self._target.root.path)  # a fork was never here

    @property
    def is_settled(self) -> bool:
        """Nothing to read, and nothing to remember that the cache does not know."""
        gone = [name for name in self._vanished if not self._is_known_gone(name)]
        return not self._open and not gone

    def _is_known_gone(self, name: str) -> bool:
        seen = self._saved.find(name)
        return seen is not None and seen.raw_rows is None

    def bytes_to_read(self) -> int:
        """An upper bound, for progress."""
        return sum(file.stat.st_size for context in self._open for file in context.files)

    def save(self, tx: Transaction, progress: Progress) -> Iterator[Move]:
        """Read what changed; a move for each context that has a new commit."""
        capture = Capture(self._engine, tx.writer, self._target, skipped=self._skipped, progress=progress)
        before = tx.raw_bytes
        refs = tx.refs
        for context in self._open:
            move = self._save_context(tx, capture, context, refs.find(context.name))
            if move is not None:
                yield move
        self.bytes_read = capture.bytes_read
        self._bytes_new = tx.raw_bytes - before

    def _save_context(
        self, tx: Transaction, capture: Capture, context: FoundContext, head: ObjectId | None
    ) -> Move | None:
        parent = read_commit(self._engine.store, head) if head is not None else None
        seen = self._cache.contexts.get(context.name)
        seen = seen if seen is not None and seen.head == head else None
        base = Base(lambda: self._entries(parent), seen, self._cache.looked)
        captured = capture.capture(context, base, only_state=self._options.kind == "incremental")
        if parent is not None and not self._options.always and self._is_same(context.name, captured, parent, base):
            self._unchanged += 1
            assert head is not None
            self._seen[context.name] = saw(head, parent.summary, captured.rows)
            return None
        if not captured.rows and parent is None:
            return None  # nothing of it could be read: reported, and tried again next time
        commit = self._commit(context.name, captured, parent, head)
        id = write_commit(tx.writer, commit)
        self._seen[context.name] = saw(id, commit.summary, captured.rows)
        (self._changed if parent else self._new).append(context.name)
        return Move(context.name, head, id)

    def _is_same(self, name: str, captured: Captured, parent: Commit, base: Base) -> bool:
        """Whether nothing is new. Agents touch a session's files when they only open it: that is no state of it."""
        if captured.tree == parent.tree:
            return True
        if sum(map(size_of, captured.entries.values())) != parent.summary.bytes:
            return False  # spares most the reading of the tree they had
        is_session = self._target.source.transcript(name, [decode_key(key) for key in captured.entries]) is not None
        return is_session and only_times_differ(base.entries(), captured.entries)

    def _entries(self, parent: Commit | None) -> Mapping[bytes, bytes]:
        return dict(self._engine.maps.load(self._engine.store, parent.tree).items()) if parent else {}

    def _commit(self, name: str, captured: Captured, parent: Commit | None, head: ObjectId | None) -> Commit:
        summary = summarise(self._target.source, name, captured, parent.summary if parent else None)
        shrunk = find_shrink(name, parent.summary, summary, head) if parent and head else None
        if shrunk:
            self._shrunk.append(shrunk)
        return Commit(
            tree=captured.tree,
            parents=(head,) if head else (),
            generation=parent.generation + 1 if parent else 0,
            time=self._engine.environment.clock(),
            author=self._engine.environment.author,
            ref=name,
            note=self._options.note,
            kind=self._options.kind,
            source=self._target.source.name,
            root=self._target.root.path,
            label=self._target.root.label,
            shrunk=shrunk is not None,
            summary=summary,
        )

    def remember(self, before: ObjectId, after: ObjectId) -> None:
        """Save the stat cache, for contexts not looked at too. The refs map `after` was made from the one `before`."""
        gone = {}
        for name in self._vanished:
            seen = self._cache.contexts.get(name)
            gone[name] = saw(self._heads[name], seen.summary if seen else Summary(), None)
        # With --session the others were not looked at: what is known of them stays, but for its `looked`.
        is_filtered = bool(self._options.session)
        others = {name: seen for name, seen in self._cache.contexts.items() if is_filtered and self._saved.find(name)}
        looked = min(self._cache.looked, self._looked) if others else self._looked
        # The next run takes the heads from the cache only if it is known to have all of them as they are.
        is_whole = before == self._saved.refs and (not is_filtered or self._cache.refs == before)
        save_cache(self._saved.path, StatCache(looked, after if is_whole else None, {**others, **gone, **self._seen}))

    def report(self) -> SourceReport:
        """What this look found."""
        return SourceReport(
            source=self._target.source.name,
            agent=self._target.source.agent,
            root=self._target.root.path,
            new=tuple(self._new),
            changed=tuple(self._changed),
            unchanged=self._unchanged,
            vanished=tuple(self._vanished),
            shrunk=tuple(self._shrunk),
            skipped=tuple(self._skipped),
            bytes_read=self.bytes_read,
            bytes_new=self._bytes_new,
        )
