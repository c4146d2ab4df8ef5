"""What changes for Continue to go on from a session: under another id, in another folder, up to a message.

A session's id is its file's name, and repeated in it. What was said stays as it was said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.sources.continue_dev.layout import LIST, SESSIONS, session_key
from ctxstore.sources.continue_dev.project_path import path_of, place_of
from ctxstore.sources.continue_dev.transcript import KEY, iter_messages
from ctxstore.sources.document.members import members, replace, text_of
from ctxstore.sources.document.messages import HEAD, TAIL
from ctxstore.sources.document.session_list import ListedSession
from ctxstore.sources.document.truncate import shorten
from ctxstore.sources.resumable import ContextChange, IndexEntry, RestoreFile, StoredContext

FOLDER, ID = "workspaceDirectory", "sessionId"


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """A session's file as Continue looks for it after `change`."""
    key = session_key(stored.context)
    if change.is_empty or key is None or key not in stored.keys:
        if change.session or change.until:
            raise InvalidInput(f"{stored.context} is no session, so it can't be made one of its own")
        return [RestoreFile(key, key) for key in stored.keys]
    kept = _number_of(stored, key, change.until) if change.until else None

    def edit(blocks: Iterator[bytes]) -> Iterator[bytes]:
        yield _changed(b"".join(blocks), change, kept)

    return [RestoreFile(session_key(context_of(stored, change)) or key, key, edit, is_new=bool(change.session))]


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """The session's name after `change`."""
    is_session = session_key(stored.context) is not None
    return SESSIONS + change.session if change.session and is_session else stored.context


def index_entries(stored: StoredContext, change: ContextChange, root: str) -> Sequence[IndexEntry]:
    """The entry in the list of sessions."""
    key = session_key(stored.context)
    if key is None or key not in stored.keys:
        return []
    session = (session_key(context_of(stored, change)) or key).removeprefix("sessions/").removesuffix(".json")
    facts = _facts(_changed(b"".join(stored.read(key)), change, None))
    entry = {
        ID: session,
        "title": facts.get("title") or "Untitled Session",
        "dateCreated": str(change.now // 10**6),
        FOLDER: facts.get(FOLDER) or "",
    }
    return [ListedSession(LIST, ID, session, json.dumps(entry, separators=(",", ":")).encode())]


def _number_of(stored: StoredContext, key: str, until: str) -> int:
    number = 0
    for message in iter_messages(stored.read(key)):
        number += message.id not in (HEAD, TAIL)
        if message.id == until:
            return number
    hint = f"`ctx show {stored.context} --json` lists them"
    raise NotFound(f"{stored.context} has no message {until!r}", hint=hint)


def _changed(data: bytes, change: ContextChange, kept: int | None) -> bytes:
    facts, values = _facts(data), {}
    if change.session and ID in facts:
        values[ID] = change.session
    if FOLDER in facts:
        folder = path_of(facts[FOLDER])
        if (new := change.path(folder)) != folder:
            values[FOLDER] = place_of(new, facts[FOLDER])
    changed = {name: json.dumps(value).encode() for name, value in values.items() if value != facts[name]}
    data = replace(data, changed)
    return data if kept is None else shorten(data, KEY, kept)


def _facts(data: bytes) -> dict[str, str]:
    """What the session says of itself in plain words."""
    found: dict[str, Any] = {}
    for member in members(text_of(data)):
        if member.key in (ID, FOLDER, "title"):
            try:
                found[member.key] = json.loads(data[member.start : member.end])
            except (ValueError, RecursionError):
                continue
    return {name: value for name, value in found.items() if isinstance(value, str)}
