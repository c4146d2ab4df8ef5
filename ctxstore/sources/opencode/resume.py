"""A checkout that OpenCode continues from: in another folder, under another id, or from an earlier message.

A session of the database is restored as rows. In them only the ids and folders that OpenCode goes by are changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ctxstore.errors import InvalidInput
from ctxstore.sources.jsonl.edit import edit_line
from ctxstore.sources.opencode.databases import database_of
from ctxstore.sources.opencode.ids import new_session
from ctxstore.sources.opencode.layout import transcript_key
from ctxstore.sources.opencode.rewrite_rows import Rewriting, find_projects, is_kept
from ctxstore.sources.resumable import (
    ContextChange,
    IndexEntry,
    RestoreFile,
    StoredContext,
    edit_whole,
    require_message,
    restore_all,
)
from ctxstore.sources.sqlite.layout import is_session
from ctxstore.sources.sqlite.listing import TRANSCRIPT
from ctxstore.sources.sqlite.resume import context_of, restore_whole_database, session_rows

__all__ = ["context_of", "index_entries", "new_session", "restore_layout"]

_IN_FILES = "storage/session/"
_ANY_FILES = (_IN_FILES, "storage/message/", "storage/part/", "project/")
"""The keys that a session in files has. Others may be beside a session in a database."""


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns the files beside the database, or the database itself."""
    if stored.context.startswith("opencode/database"):
        return restore_whole_database(stored, change)
    if not is_session(stored.context):
        _refuse(stored, change.session or change.until, "it is no session")
        return restore_all(stored)
    if _is_in_files(stored):
        return _files(stored, change)
    if change.until:
        _require_message(stored, change.until)
    return sorted(_beside(stored, change), key=lambda laid: laid.key)


def index_entries(stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
    """Returns the entry that adds the session's rows to the database."""
    rows = transcript_key(stored.context, stored.keys)
    if rows is None or _is_in_files(stored):
        return []
    from ctxstore.sources.opencode import database

    session = change.session or stored.session
    file = database_of(rows)
    projects = find_projects(home, file) if change.paths else {}
    return [session_rows(file, "OpenCode", database, session, lambda: rows_of(stored, change, projects))]


def rows_of(stored: StoredContext, change: ContextChange, projects: Mapping[str, str]) -> Iterator[bytes]:
    """Yields the session's rows as lines after `change`. `projects` maps folders to the ids of projects in the target
    home."""
    from ctxstore.sources.sqlite.restore_rows import iter_lines
    from ctxstore.sources.sqlite.rows import decode_line, encode_line

    lines = iter_lines(stored.read(_rows_of(stored)))
    if change.is_empty:
        yield from lines
        return
    rewriting = Rewriting(change, projects)
    for line in is_kept(map(decode_line, lines), change):
        yield encode_line(rewriting.line(line))


def _files(stored: StoredContext, change: ContextChange) -> list[RestoreFile]:
    _refuse(stored, change.session or change.until, "it is kept in the files OpenCode had before it had a database")
    move = edit_whole(lambda data: edit_line(data, {"directory": change.path}))
    return [
        RestoreFile(key, key, move if change.paths and key.startswith(_IN_FILES) else None)
        for key in stored.keys
        if key != TRANSCRIPT
    ]


def _beside(stored: StoredContext, change: ContextChange) -> Iterator[RestoreFile]:
    old, rows = stored.session, _rows_of(stored)
    for key in stored.keys:
        if key == rows or (change.session and key.startswith("plans/")):
            continue  # a copy has the same name and time, so it has the same plan
        if change.until and key.startswith("storage/session_diff/"):
            continue  # it has changes after the message too
        place = re.sub(rf"/{re.escape(old)}\.json$", f"/{change.session}.json", key) if change.session else key
        yield RestoreFile(place, key, is_new=bool(change.session))


def _refuse(stored: StoredContext, is_asked: object, why: str) -> None:
    if is_asked:
        raise InvalidInput(f"{stored.context} can only be brought back as it was: {why}")


def _rows_of(stored: StoredContext) -> str:
    return transcript_key(stored.context, stored.keys) or TRANSCRIPT


def _is_in_files(stored: StoredContext) -> bool:
    return any(key.startswith(_ANY_FILES) for key in stored.keys)


def _require_message(stored: StoredContext, id: str) -> None:
    from ctxstore.sources.opencode.transcript import iter_messages

    require_message(stored, id, (each for each in iter_messages(stored.read(_rows_of(stored))) if each.role != "meta"))
