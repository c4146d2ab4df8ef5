"""What Codex must be told of a session that is put back."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ctxstore.sources.codex.database import ListedThread, StaleHistory, find_newest
from ctxstore.sources.codex.resume import is_archived, laid_rollout, transcript_key
from ctxstore.sources.codex.rollouts import rollout_of
from ctxstore.sources.codex.thread_row import facts_of
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext


def index_entries(stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
    """The row in the list of sessions, and that nothing else is remembered of it. Nothing where no database is."""
    key = transcript_key(stored, change)
    rollout = rollout_of(key) if key else None
    if key is None or rollout is None:
        return []
    threads = find_newest(root, "state", "threads")
    history = find_newest(root, "thread_history", "thread_turns")
    if not (threads or history):
        return []
    facts = facts_of(laid_rollout(stored, change))
    found: list[IndexEntry] = []
    if threads:
        values = {**_times(change.now), **facts.values, **_place(root, key, change.now)}
        values = {"source": "cli", "model_provider": "openai", "cwd": "/", "title": "", **values}
        decisive = ("rollout_path", "archived", *(("cwd",) if change.paths or change.session else ()))
        found.append(ListedThread(threads, rollout.thread, values, decisive))
    if history:
        found.append(StaleHistory(history, rollout.thread, facts.turns, facts.size))
    return found


def _place(root: str, key: str, now: int) -> dict[str, Any]:
    archived = is_archived(key)
    path = os.path.join(root, key)
    return {"rollout_path": path, "archived": int(archived), "archived_at": now // 10**9 if archived else None}


def _times(now: int) -> dict[str, int]:
    seconds, milliseconds = now // 10**9, now // 10**6
    names = ("created_at", "updated_at", "recency_at")
    return dict.fromkeys(names, seconds) | {name + "_ms": milliseconds for name in names}
