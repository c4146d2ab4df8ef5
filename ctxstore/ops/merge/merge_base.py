"""Common ancestors of two commits."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from ctxstore.errors import NotFound
from ctxstore.history.commits import Commit, StoredCommit, read_commit
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId

_OURS, _THEIRS = 1, 2


def iter_common(engine: Engine, ours: ObjectId, theirs: ObjectId) -> Iterator[StoredCommit]:
    """Yields the common ancestors of two commits, nearest first. A commit counts as an ancestor of itself.

    The walk visits commits by falling generation, and a commit's generation is greater than those of its parents. So
    the walk visits all descendants of a commit first, and then knows whether ours, theirs or both descend from it. It
    reads only as many commits as the caller needs. A parent that no longer exists ends its branch of the walk.

    """
    sides: dict[ObjectId, int] = {}
    queue: list[tuple[int, int, ObjectId]] = []
    commits: dict[ObjectId, Commit] = {}

    def visit(id: ObjectId, side: int) -> None:
        if id not in sides:
            try:
                commit = read_commit(engine.store, id)
            except NotFound:
                return  # the history ends here
            commits[id] = commit
            heapq.heappush(queue, (-commit.generation, -commit.time, id))
        sides[id] = sides.get(id, 0) | side

    visit(ours, _OURS)
    visit(theirs, _THEIRS)
    while queue:
        _, _, id = heapq.heappop(queue)
        commit = commits.pop(id)
        if sides[id] == _OURS | _THEIRS:
            yield StoredCommit(id, commit)
        for parent in commit.parents:
            visit(parent, sides[id])


def find_merge_base(engine: Engine, ours: ObjectId, theirs: ObjectId) -> StoredCommit | None:
    """Returns the nearest common ancestor whose content is not forgotten, or None if there is none."""
    forgotten = engine.forgotten(engine.root())
    return next((stored for stored in iter_common(engine, ours, theirs) if stored.id not in forgotten), None)
