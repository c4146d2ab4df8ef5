"""The candidates for retention: the commits of contexts, and commits of dropped histories."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate, islice

from ctxstore.errors import NotFound
from ctxstore.history.commits import Commit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import Op, iter_ops
from ctxstore.history.refs import SETTING
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId
from ctxstore.ops.content.log import iter_history
from ctxstore.ops.retention.duration import DAY
from ctxstore.ops.retention.policy import Candidate

_CACHED_COMMITS = 1 << 16
"""The number of commits kept in memory."""

_LONGEST_GAP = 366 * DAY
"""The longest time (ns) between two entries of the op log. A longer one counts as a jump of the clock."""


class Histories:
    """The histories in one state of the repository."""

    def __init__(self, engine: Engine, root: RepositoryState) -> None:
        self._engine = engine
        self._root = root
        refs = engine.refs(root)
        self.contexts = dict(refs.iter())
        self._heads = set(self.contexts.values())
        self._tags: dict[ObjectId, list[str]] = {}
        for name, id in refs.tags():
            self._tags.setdefault(id, []).append(name)
        self._forgotten = set(engine.forgotten(root).ids())
        self._read = lru_cache(_CACHED_COMMITS)(self._read_commit)

    def _read_commit(self, id: ObjectId) -> Commit:
        """Reads a commit, without the cache."""
        return read_commit(self._engine.store, id)

    def candidates(self, context: str) -> list[Candidate]:
        """Returns the commits in a context's history, newest first."""
        history = list(iter_history(self._engine, self.contexts[context], self._read))
        before_shrink = {commit.parents[0] for _, commit in history if commit.shrunk and commit.parents}
        return [self._candidate(stored, stored.id in before_shrink) for stored in history]

    def _candidate(self, stored: StoredCommit, is_before_shrink: bool) -> Candidate:
        """Returns a commit as a candidate."""
        id, commit = stored
        return Candidate(
            id=id,
            time=commit.time,
            parents=commit.parents,
            is_head=id in self._heads,
            tags=tuple(self._tags.get(id, ())),
            is_before_shrink=is_before_shrink,
            series=_series_of(commit),
            is_forgotten=id in self._forgotten,
        )

    def ancestors(self, heads: Iterable[ObjectId]) -> set[ObjectId]:
        """Returns all ancestors of these commits, including the commits themselves."""
        found: set[ObjectId] = set()
        for head in heads:
            found.update(id for id, _ in self._new_ancestors(head, found))
        return found

    def _new_ancestors(self, head: ObjectId, known: set[ObjectId]) -> Iterator[tuple[ObjectId, Commit]]:
        """Yields a commit and its ancestors, except those in `known`. Adds them to `known`."""
        waiting = [head]
        while waiting:
            id = waiting.pop()
            if id in known:
                continue
            known.add(id)
            try:
                commit = self._read(id)
            except NotFound:
                continue
            yield id, commit
            waiting.extend(commit.parents)

    def dropped_candidates(self) -> dict[str, list[Candidate]]:
        """Returns the commits that no context and no tag reaches, newest first.

        The result maps the context that the commits were made for to its candidates.

        A candidate's `time` is when the commit was dropped: the time of the last entry of the op log that moved a ref
        away from it. A candidate's `parents` are empty, because each commit was dropped at its own time.
        """
        known = self.ancestors((*self.contexts.values(), *self._tags))
        found: dict[str, list[tuple[Candidate, int]]] = {}
        for op, time in self._ops():
            for change in op.changes:
                if change.old is None or change.ref.startswith(SETTING):
                    continue
                for id, commit in self._new_ancestors(change.old, known):
                    candidate = self._candidate(StoredCommit(id, commit), False)._replace(time=time, parents=())
                    found.setdefault(commit.ref, []).append((candidate, commit.generation))
        for group in found.values():
            group.sort(key=lambda each: (each[0].time, each[1]), reverse=True)
        return {ref: [candidate for candidate, _ in found[ref]] for ref in sorted(found)}

    def _ops(self) -> Iterator[tuple[Op, int]]:
        """Yields all entries of the op log with their times, newest first.

        The time of an entry is the latest of its own and all earlier ones. So no wrong clock makes an entry older
        than its predecessor.
        """
        ops = [op for _, op in iter_ops(self._engine.store, self._root.op)]
        times = list(accumulate((op.time for op in reversed(ops)), max))
        yield from zip(ops, reversed(times), strict=True)


def _series_of(commit: Commit) -> str:
    """Returns the series in which retention counts a commit: its kind, or ``noted`` for a snapshot with a note.

    So automatic saves displace no backup and no noted state. Commits of programs, which have no source, are one series.
    """
    is_noted = commit.kind == "auto" and bool(commit.source and commit.note)
    return "noted" if is_noted else commit.kind


def effective_now(engine: Engine, root: RepositoryState, *, skip: int = 0) -> int:
    """Returns the time from which retention measures ages (ns), so that a wrong clock forgets no commit.

    - The result is the clock's time or the time of the newest counted entry of the op log, whichever is earlier.
    - Entries that moved a context or a tag count. Entries that only forgot commits or changed settings do not.
    - The newest `skip` counted entries are ignored. A snapshot that applies a policy ignores its own entry.
    - If the newest counted entry is more than `_LONGEST_GAP` after the one before, the clock may have jumped. Then the
      one before is used instead. After a real pause of that length, the second entry corrects the ages.
    - The result is 0 if no entry counts.
    """
    times = (
        op.time
        for _, op in iter_ops(engine.store, root.op)
        if not all(change.ref.startswith(SETTING) for change in op.changes)
    )
    newest, *earlier = [*islice(times, skip, skip + 2)] or [0]
    if earlier and newest - earlier[0] > _LONGEST_GAP:
        newest = earlier[0]
    return min(engine.environment.clock(), newest)
