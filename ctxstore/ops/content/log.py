"""The history of a repository: its op log, its contexts, and the ancestors of a commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import Commit, NamedCommit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.oplog import StoredOp, iter_ops
from ctxstore.ids import ObjectId


def iter_runs(engine: Engine) -> Iterator[StoredOp]:
    """Yields all entries of the op log as (id, op), newest first."""
    return iter_ops(engine.store, engine.root().op)


def iter_history(
    engine: Engine, start: ObjectId, read: Callable[[ObjectId], Commit] | None = None
) -> Iterator[StoredCommit]:
    """Yields a commit and all its ancestors, each once: children before parents, newer before older.

    `read` replaces `read_commit`, so that a caller can share a cache between several histories. The walk continues past
    a parent that cannot be read, and raises its `Corrupt` or `NotFound` at the end. Parents that were forgotten because
    they are damaged raise nothing.
    """
    read = read or partial(read_commit, engine.store)
    queue = {start: read(start)}
    failed: Corrupt | NotFound | None = None
    while queue:
        engine.check_open()
        id = max(queue, key=lambda each: (queue[each].generation, queue[each].time, each))
        commit = queue.pop(id)
        yield StoredCommit(id, commit)
        for parent in commit.parents:
            if parent not in queue:
                try:
                    queue[parent] = read(parent)
                except (Corrupt, NotFound) as error:
                    if not engine.forgotten(engine.root()).is_given_up(parent):
                        failed = error
    if failed is not None:
        raise failed


def iter_contexts(engine: Engine) -> Iterator[NamedCommit]:
    """Yields (ref, head commit) of every context, sorted by name. Skips contexts whose head cannot be read."""

    for name, id in engine.refs(engine.root()).iter():
        with suppress(Corrupt, NotFound):
            yield NamedCommit(name, StoredCommit(id, read_commit(engine.store, id)))
