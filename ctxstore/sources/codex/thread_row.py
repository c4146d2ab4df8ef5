"""Computes from a rollout the row that Codex itself would write to its database for the session."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from typing import Any, NamedTuple

from ctxstore.sources.codex.items import is_written, request_of, texts_of
from ctxstore.sources.codex.records import CONTEXT, EVENT, MESSAGE, META, CodexLine, CodexRecord, read
from ctxstore.sources.jsonl.messages import iter_padded

_TEXT = 1 << 16
"""As much of the first message is noted."""


class Facts(NamedTuple):
    """The facts about a session that its rollout contains.

    - `values`: maps columns of the database to values.
    - `turns`: the ids of the session's turns.
    - `size`: the size of the rollout in bytes.
    """

    values: dict[str, Any]
    turns: frozenset[str]
    size: int


def facts_of(blocks: Iterator[bytes]) -> Facts:
    """Collects the facts in the lines of a rollout."""
    notes = _Notes()
    for raw, found in iter_padded(blocks, read):
        notes.size += len(raw)
        if found is not None and isinstance(found.record.payload, dict):
            notes.add(found.line, found.record, found.record.payload)
    return Facts(notes.values(), frozenset(notes.turns), notes.size)


class _Notes:
    def __init__(self) -> None:
        self.size = 0
        self.turns: set[str] = set()
        self._meta: dict[str, Any] = {}
        self._context: dict[str, Any] = {}
        self._first = ""
        self._tokens = 0
        self._times: list[str] = []

    def add(self, line: CodexLine, record: CodexRecord, payload: dict[str, Any]) -> None:
        """Returns the next record."""
        if isinstance(record.timestamp, str):
            self._times = [*self._times[:1], record.timestamp]
        if line.type == META:
            self._meta = self._meta or payload  # those of sessions it was forked from come after its own
        elif line.type == CONTEXT:
            self._context = payload
        elif line.type == EVENT:
            self._event(payload)
        elif line.role == "user" and payload.get("type") == MESSAGE and not self._first:
            texts = texts_of(payload.get("content"))
            if texts and is_written(texts[0]):
                self._first = request_of(texts[0]).strip()[:_TEXT]

    def _event(self, payload: dict[str, Any]) -> None:
        if payload.get("type") == "token_count":
            total = _at(payload, "info", "total_token_usage", "total_tokens")
            self._tokens = total if isinstance(total, int) and 0 <= total < 1 << 63 else self._tokens
        elif isinstance(payload.get("turn_id"), str):
            self.turns.add(payload["turn_id"])

    def values(self) -> dict[str, Any]:
        """Returns the values by column. Columns without a value in the rollout are left out."""
        meta, context = self._meta, self._context
        policy = context.get("permission_profile") or context.get("sandbox_policy")
        created = _milliseconds(meta.get("timestamp") or next(iter(self._times), None))
        found = {
            "source": meta.get("source"),
            "model_provider": meta.get("model_provider"),
            "cwd": meta.get("cwd") or context.get("cwd"),
            "title": self._first,
            "first_user_message": self._first,
            "preview": self._first,
            "has_user_event": int(bool(self._first)),
            "sandbox_policy": policy,
            "approval_mode": context.get("approval_policy"),
            "tokens_used": self._tokens,
            "git_sha": _at(meta, "git", "commit_hash"),
            "git_branch": _at(meta, "git", "branch"),
            "git_origin_url": _at(meta, "git", "repository_url"),
            "model": context.get("model"),
            "reasoning_effort": context.get("effort"),
            "created_at": created and created // 1000,
            "created_at_ms": created,
        }
        same = (
            "cli_version",
            "agent_nickname",
            "agent_role",
            "agent_path",
            "thread_source",
            "history_mode",
            "originator",
        )
        found |= {name: meta.get(name) for name in same}
        return {name: _plain(value) for name, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    """Returns a text or number unchanged, and anything else as JSON: that is how Codex writes its enumerations."""
    if isinstance(value, int):
        return value
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return text.encode("utf-8", "replace").decode()  # half a surrogate pair can't be in a database


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _milliseconds(text: Any) -> int | None:
    from datetime import datetime

    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)
