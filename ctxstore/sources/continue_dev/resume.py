"""A checkout that Continue continues from: under another id, in another folder, or up to a message.

A session's id is its file's name, and repeated in it. Messages stay unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ctxstore.errors import InvalidInput
from ctxstore.sources.continue_dev.layout import LIST, SESSIONS, session_key
from ctxstore.sources.continue_dev.records import FOLDER, ID, KEY, facts_of, path_of, place_of
from ctxstore.sources.continue_dev.transcript import iter_messages
from ctxstore.sources.document.members import replace
from ctxstore.sources.document.messages import HEAD, TAIL
from ctxstore.sources.document.session_list import ListedSession
from ctxstore.sources.document.split_array import shorten
from ctxstore.sources.resumable import (
    ContextChange,
    IndexEntry,
    RestoreFile,
    StoredContext,
    edit_whole,
    no_such_message,
    restore_all,
)
from ctxstore.sources.resumable import new_uuid as new_session

__all__ = ["context_of", "index_entries", "new_session", "restore_layout"]


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns a session's file as Continue looks for it after `change`."""
    key = session_key(stored.context)
    if change.is_empty or key is None or key not in stored.keys:
        if change.session or change.until:
            raise InvalidInput(f"{stored.context} is no session, so it can't be made one of its own")
        return restore_all(stored)
    kept = _number_of(stored, key, change.until) if change.until else None

    edit = edit_whole(lambda data: _changed(data, change, kept))
    return [RestoreFile(session_key(context_of(stored, change)) or key, key, edit, is_new=bool(change.session))]


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the session's name after `change`."""
    is_session = session_key(stored.context) is not None
    return SESSIONS + change.session if change.session and is_session else stored.context


def index_entries(stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
    """Returns the entry in the list of sessions."""
    key = session_key(stored.context)
    if key is None or key not in stored.keys:
        return []
    session = (session_key(context_of(stored, change)) or key).removeprefix("sessions/").removesuffix(".json")
    facts = facts_of(_changed(b"".join(stored.read(key)), change, None))
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
    raise no_such_message(stored, until)


def _changed(data: bytes, change: ContextChange, kept: int | None) -> bytes:
    facts, values = facts_of(data), {}
    if change.session and ID in facts:
        values[ID] = change.session
    if FOLDER in facts:
        folder = path_of(facts[FOLDER])
        if (new := change.path(folder)) != folder:
            values[FOLDER] = place_of(new, facts[FOLDER])
    changed = {name: json.dumps(value).encode() for name, value in values.items() if value != facts[name]}
    data = replace(data, changed)
    return data if kept is None else shorten(data, KEY, kept)
