"""History as it is listed: runs, and the commits of a context."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import Commit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import Op, iter_ops
from ctxstore.ids import ObjectId


def iter_runs(engine: Engine) -> Iterator[tuple[ObjectId, Op]]:
    """All ops, newest first."""
    return iter_ops(engine.store, engine.root().op)


def iter_history(
    engine: Engine, start: ObjectId, read: Callable[[ObjectId], Commit] | None = None
) -> Iterator[StoredCommit]:
    """A commit and all it descends from, each once, children before parents, newest first.

    `read` gives a commit, for those who look at several histories that share some. A parent that can't be read is
    raised when all others were given, unless it was given up as damaged.
    """
    read = read or partial(read_commit, engine.store)
    waiting = {start: read(start)}
    failed: Corrupt | NotFound | None = None
    while waiting:
        id = max(waiting, key=lambda each: (waiting[each].generation, waiting[each].time, each))
        commit = waiting.pop(id)
        yield StoredCommit(id, commit)
        for parent in commit.parents:
            if parent not in waiting:
                try:
                    waiting[parent] = read(parent)
                except (Corrupt, NotFound) as error:
                    if not engine.forgotten(engine.root()).is_given_up(parent):
                        failed = error
    if failed is not None:
        raise failed


def iter_contexts(engine: Engine) -> Iterator[tuple[str, StoredCommit]]:
    """(ref, newest commit) of every context whose newest commit can be read, sorted by name."""
    for name, id in engine.refs(engine.root()).iter():
        with suppress(Corrupt, NotFound):
            yield name, StoredCommit(id, read_commit(engine.store, id))
