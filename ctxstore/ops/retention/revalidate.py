"""Whether a plan to forget still stands when others moved refs meanwhile: those that only went on do no harm."""

from __future__ import annotations

from collections.abc import Collection

from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.history.refs import SETTING, TAG
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ObjectId

MAX_STEPS = 64
"""Commits followed back from a new head to the old one; further, planning anew is the simpler way."""


def is_still_valid(engine: Engine, before: RepositoryState, now: RepositoryState, chosen: Collection[ObjectId]) -> bool:
    """Whether forgetting the `chosen` commits, decided by the root `before`, is as right by the root `now`.

    So it is if none of them became a head or a tag, no ref came to reach one, and none was forgotten or brought back.
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
    if new is None or name.startswith(SETTING):
        return True  # what a ref no longer reaches is no less forgotten for it
    if name.startswith(TAG):
        return new not in chosen
    return _is_fast_forward(engine, old, new, chosen)


def _is_fast_forward(engine: Engine, old: ObjectId | None, new: ObjectId, chosen: Collection[ObjectId]) -> bool:
    """Whether `new` descends from `old` (None: from nothing) by single steps that meet none of the chosen."""
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
