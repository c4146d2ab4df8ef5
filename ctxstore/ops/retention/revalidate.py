"""The decision whether a forget plan is still valid after other processes moved refs. Fast-forwards are harmless."""

from __future__ import annotations

from collections.abc import Collection

from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import SETTING, TAG
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId

MAX_STEPS = 64
"""The number of commits followed back from a new head to the old one. Beyond this, a new plan is simpler."""


def is_still_valid(engine: Engine, before: RepositoryState, now: RepositoryState, chosen: Collection[ObjectId]) -> bool:
    """Whether the `chosen` commits may still be forgotten in the state `now`. They were chosen in the state `before`.

    They may be if none of them became a head or a tag, no other ref reaches one now, and none was forgotten or
    restored.
    """
    if before.forgotten != now.forgotten:
        return False
    if before.refs == now.refs:
        return True
    changes = engine.refs_at(before.refs).differences(engine.refs_at(now.refs))
    return all(_is_harmless(engine, name, old, new, chosen) for name, old, new in changes)


def _is_harmless(
    engine: Engine, name: str, old: ObjectId | None, new: ObjectId | None, chosen: Collection[ObjectId]
) -> bool:
    """Whether one ref change leaves the plan valid."""
    if new is None or name.startswith(SETTING):
        return True  # a commit that a ref no longer reaches may be forgotten all the more
    if name.startswith(TAG):
        return new not in chosen
    return _is_fast_forward(engine, old, new, chosen)


def _is_fast_forward(engine: Engine, old: ObjectId | None, new: ObjectId, chosen: Collection[ObjectId]) -> bool:
    """Whether the walk from `new` along single parents reaches `old` without passing a chosen commit.

    If `old` is None, the walk must reach the beginning of the history instead.
    """
    at: ObjectId | None = new
    for _ in range(MAX_STEPS):
        if at == old:
            return True
        if at is None or at in chosen:
            return False
        parents = read_commit(engine.store, at).parents
        if len(parents) > 1:
            return False
        at = parents[0] if parents else None
    return False
