"""The commits that two have in common."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from ctxstore.errors import NotFound
from ctxstore.history.commits import Commit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId

_OURS, _THEIRS = 1, 2


def iter_common(engine: Engine, ours: ObjectId, theirs: ObjectId) -> Iterator[StoredCommit]:
    """The commits both descend from, or are, nearest first.

    A commit's generation is above that of its parents. Taken by falling generation, each so is met after
    all that descend from it, and is known by then to belong to one side or both. Reads no further than asked.
    """
    sides: dict[ObjectId, int] = {}
    waiting: list[tuple[int, int, ObjectId]] = []
    commits: dict[ObjectId, Commit] = {}

    def meet(id: ObjectId, side: int) -> None:
        if id not in sides:
            try:
                commit = read_commit(engine.store, id)
            except NotFound:
                return  # history ends here
            commits[id] = commit
            heapq.heappush(waiting, (-commit.generation, -commit.time, id))
        sides[id] = sides.get(id, 0) | side

    meet(ours, _OURS)
    meet(theirs, _THEIRS)
    while waiting:
        id = heapq.heappop(waiting)[2]
        commit = commits.pop(id)
        if sides[id] == _OURS | _THEIRS:
            yield StoredCommit(id, commit)
        for parent in commit.parents:
            meet(parent, sides[id])


def find_merge_base(engine: Engine, ours: ObjectId, theirs: ObjectId) -> StoredCommit | None:
    """The nearest common ancestor that still has its content; None when there is none."""
    forgotten = engine.forgotten(engine.root())
    return next((stored for stored in iter_common(engine, ours, theirs) if stored.id not in forgotten), None)
