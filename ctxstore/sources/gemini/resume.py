"""A checkout that Gemini CLI continues from: under another id, in another folder, or up to a message.

Gemini CLI finds a session by its file's name and the id in its records, in the folder that its list has for the
project. Messages stay unchanged.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from hashlib import sha256

from ctxstore.errors import InvalidInput
from ctxstore.sources.gemini.layout import transcript_key
from ctxstore.sources.gemini.names import name_in_chats, name_of
from ctxstore.sources.gemini.projects import LIST, MARK, ProjectEntry, folder_of, free_folder
from ctxstore.sources.gemini.records import RESTART, line_of, places_of, read, update_of
from ctxstore.sources.gemini.transcript import iter_messages
from ctxstore.sources.jsonl.edit import Fields, edit_line
from ctxstore.sources.jsonl.messages import iter_records
from ctxstore.sources.resumable import (
    ContextChange,
    FileEdit,
    RestoreFile,
    StoredContext,
    edit_whole,
    no_such_message,
    restore_all,
)
from ctxstore.sources.resumable import new_uuid as new_session

__all__ = ["context_of", "index_entries", "new_session", "restore_layout", "session_of"]


def session_of(stored: StoredContext) -> str:
    """Returns the id in the session's records. Without one, returns the part in its file's name. Returns an empty
    string if the context is no session."""
    key = transcript_key(stored.context, stored.keys)
    if key is None:
        return ""
    records = (line for _, line in iter_records(stored.read(key), read) if line)
    return next((line.sessionId for line in records if isinstance(line.sessionId, str)), name_of(_stem(key))[:8])


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns the files of a session, or those that a project's sessions share, as Gemini CLI finds them."""
    if change.is_empty:
        return restore_all(stored)
    transcript = transcript_key(stored.context, stored.keys)
    if (change.session or change.until) and transcript is None:
        raise InvalidInput(f"{stored.context} has no conversation, so it can't be made a session of its own")
    old = session_of(stored) if change.session else ""
    end = _end_of(stored, transcript, change.until) if transcript and change.until else None
    folder = _folder(stored, change)
    files = []
    for key in stored.keys:
        edit = _edit_of(stored, key, change, old)
        if key == transcript:
            edit = _edit(_fields(stored, change, old), end, _stamp(key, change))
        is_older = transcript is not None and key == transcript.removesuffix("l") != transcript
        if not (is_older and (change.until or change.session)):  # an earlier state of the same session
            files.append(RestoreFile(_place(key, folder, change.session, old), key, edit, is_new=bool(change.session)))
    return sorted(files, key=lambda file: file.key)


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the session's name after `change`."""
    parts = stored.context.split("/")
    if len(parts) != 3 or change.is_empty:
        return stored.context
    name = parts[2]
    transcript = transcript_key(stored.context, stored.keys)
    if change.session and transcript:
        place = _place(transcript, "", change.session, session_of(stored))
        name = name_of(_stem(place))
    return "/".join((parts[0], _folder(stored, change), name))


def index_entries(stored: StoredContext, change: ContextChange, home: str) -> Sequence[ProjectEntry]:
    """Returns the project's entry in the list. Without it, Gemini CLI creates another folder for the project."""
    if not stored.project or not _stored_folder(stored):
        return ()
    project = change.path(stored.project)
    folder = _folder(stored, change._replace(home=home))
    known = folder_of(home, project)
    if change.is_empty and known not in (None, folder):
        return ()  # unchanged files go to their old folder, although Gemini CLI now uses another one
    return (ProjectEntry(project, folder),)


def _stem(key: str) -> str:
    return key.rpartition("/")[2].rpartition(".")[0]


def _stored_folder(stored: StoredContext) -> str:
    """Returns the project's folder in the stored keys, or an empty string if no key belongs to a project."""
    parts = next((key.split("/") for key in stored.keys if key.startswith(("tmp/", "history/"))), [""])
    return parts[1] if len(parts) > 2 else ""


def _folder(stored: StoredContext, change: ContextChange) -> str:
    """Returns the project's folder after `change`."""
    folder = _stored_folder(stored)
    if not stored.project or change.is_empty:
        return folder
    project = change.path(stored.project)
    known = folder_of(change.home, project) if change.home else None
    if known:
        return known
    return folder if project == stored.project else free_folder(change.home, project)


def _place(key: str, folder: str, session: str, old: str) -> str:
    """Returns a file's key in another folder, and for another id.

    Keys with ids are ``tmp/<folder>/chats/session-<time>-<id>.jsonl``, ``tmp/<folder>/<session>/…`` and similar.
    """
    parts = key.split("/")
    if parts[0] not in ("tmp", "history") or len(parts) < 3:
        return key
    parts[1] = folder or parts[1]
    if session and old:
        parts = [*parts[:2], *(_renamed(part, session, old) for part in parts[2:4]), *parts[4:]]
    return "/".join(parts)


def _renamed(name: str, session: str, old: str) -> str:
    stem, dot, ending = name.partition(".")
    if stem == old:
        return session + dot + ending
    if stem == f"session-{old}":
        return f"session-{session}{dot}{ending}"
    return name_in_chats(stem, session) + dot + ending


def _fields(stored: StoredContext, change: ContextChange, old: str) -> Fields:
    """Returns the members to change in each record."""
    project = stored.project or ""
    before, after = (sha256(os.fsencode(path)).hexdigest() for path in (project, change.path(project)))
    fields: Fields = {
        "sessionId": lambda id: change.session if old and id == old else id,
        "projectHash": lambda hash: after if project and hash == before else hash,
        "directories": change.path,
    }
    return {**fields, "$set": fields}


def _edit_of(stored: StoredContext, key: str, change: ContextChange, old: str) -> FileEdit | None:
    """Returns the edit of a file beside the conversation."""
    if key.startswith("tmp/") and key.endswith(".jsonl"):
        return _edit(_fields(stored, change, old))
    if key.endswith("/" + MARK):
        return edit_whole(lambda data: os.fsencode(change.path(os.fsdecode(data).strip())))
    return _edit_list(change) if key == LIST and change.paths else None


def _edit_list(change: ContextChange) -> FileEdit:
    def edit(data: bytes) -> bytes:
        try:
            value = json.loads(data)
            value["projects"] = {change.path(path): folder for path, folder in value["projects"].items()}
            return json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass")
        except (ValueError, RecursionError, AttributeError, TypeError, KeyError):
            return data

    return edit_whole(edit)


def _edit(fields: Fields, end: int | None = None, stamp: bytes = b"") -> FileEdit:
    """Returns an edit that changes the records up to the offset `end`, and appends the record `stamp`."""

    def edit(blocks: Iterator[bytes]) -> Iterator[bytes]:
        at, last = 0, b"\n"
        for record, _ in iter_records(blocks, read):
            start, at = at, at + len(record)
            is_last = end is not None and at >= end
            last = edit_line(_cut(record, (end or 0) - start) if is_last else record, fields, RESTART)
            yield last
            if is_last:
                break
        if stamp:
            yield stamp if last.endswith(b"\n") else b"\n" + stamp

    return edit


def _end_of(stored: StoredContext, transcript: str, id: str) -> int:
    """Returns the offset at which the message ends."""
    for message in iter_messages(stored.read(transcript)):
        if message.id == id:
            return message.offset + len(message.raw)
    raise no_such_message(stored, id)


def _cut(record: bytes, size: int) -> bytes:
    """Returns the record without the members of its list of messages that begin after its first `size` bytes."""
    if size == len(record):
        return record
    line = line_of(record)
    update = update_of(line) if line else None
    places = places_of(record, update.messages) if update and update.messages else []
    kept = [end for begin, end in places if begin < size]
    return record[: kept[-1]] + record[places[-1][1] :] if kept else record[:size]


def _stamp(key: str, change: ContextChange) -> bytes:
    """Returns a record with the time of the last change, by which Gemini CLI decides to delete old sessions."""
    if not (change.session and change.now and key.endswith(".jsonl")):
        return b""
    from datetime import UTC, datetime

    time = datetime.fromtimestamp(change.now // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return b'{"$set":{"lastUpdated":"%s"}}\n' % time.encode()
