"""The files of a session of the newer Cline, ``sessions/<session>/``. The names of its files begin with its id, and two
of the files contain it."""

from __future__ import annotations

import os

from ctxstore.sources.document.split_array import shorten
from ctxstore.sources.jsonl.edit import Fields, edit_line
from ctxstore.sources.resumable import ContextChange
from ctxstore.sources.tasks.layout import SESSIONS
from ctxstore.sources.tasks.transcript import KEY


def place(key: str, session: str, change: ContextChange) -> str:
    """Returns the key under which a file of the session is restored."""
    parts = key.split("/")
    if change.session and parts[0] == SESSIONS and len(parts) > 2:
        parts[1] = change.session
        if parts[2].startswith(session + "."):
            parts[2] = change.session + parts[2][len(session) :]
    return "/".join(parts)


def names_its_place(key: str, session: str) -> bool:
    """Whether the file contains the path of the session's messages."""
    return key == f"{SESSIONS}/{session}/{session}.json"


def changed(data: bytes, key: str, session: str, change: ContextChange, kept: int | None) -> bytes:
    """Returns the content of the restored file `key` with its first `kept` messages, or with all messages if `kept` is
    None."""
    if key == f"{SESSIONS}/{session}/{session}.messages.json":
        data = edit_line(data, _ids(session, change))
        return data if kept is None else shorten(data, KEY, kept)
    if names_its_place(key, session):
        return edit_line(data, _facts(session, change))
    return data


def _ids(session: str, change: ContextChange) -> Fields:
    def name(id: str) -> str:
        return change.session if change.session and id == session else id

    return {"sessionId": name, "session_id": name, "origin": {"sessionId": name}}


def _facts(session: str, change: ContextChange) -> Fields:
    def messages_path(path: str) -> str:
        key = f"{SESSIONS}/{session}/{session}.messages.json"
        if not path.endswith("/" + key):
            return path
        home = change.home or change.path(path.removesuffix("/" + key))
        return os.path.join(home, place(key, session, change))

    return {
        **_ids(session, change),
        "cwd": change.path,
        "workspace_root": change.path,
        "messages_path": messages_path,
    }
