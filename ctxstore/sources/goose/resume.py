"""A checkout that Goose continues from: in another folder, under another id, or from an earlier message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ctxstore.errors import InvalidInput
from ctxstore.sources.goose.layout import FILE, older_key
from ctxstore.sources.jsonl.edit import edit_messages
from ctxstore.sources.resumable import (
    ContextChange,
    FileEdit,
    IndexEntry,
    RestoreFile,
    StoredContext,
    require_message,
    restore_all,
)
from ctxstore.sources.sqlite.layout import is_session
from ctxstore.sources.sqlite.listing import TRANSCRIPT
from ctxstore.sources.sqlite.resume import context_of, restore_whole_database, session_rows

__all__ = ["context_of", "index_entries", "new_session", "restore_layout"]

_LEAST, _MOST = 100_000, 1_000_000
"""Goose numbers the sessions of a day from 1 on: a number that no day gets to, so that no other session has it."""


def new_session(now: int, random: bytes) -> str:
    """Returns an id as Goose makes them: the day (UTC) and a number."""
    from datetime import UTC, datetime

    day = datetime.fromtimestamp(now // 10**9, UTC).strftime("%Y%m%d")
    return f"{day}_{_LEAST + int.from_bytes(random[:8], 'big') % (_MOST - _LEAST)}"


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns the file of an older session, or the database. A session in the database has no file to restore."""
    if stored.context.startswith("goose/database"):
        return restore_whole_database(stored, change)
    if not is_session(stored.context):
        if change.session or change.until:
            raise InvalidInput(f"{stored.context} is no session")
        return restore_all(stored)
    if TRANSCRIPT in stored.keys:
        if change.until:
            _require_message(stored, TRANSCRIPT, change.until)
        return [RestoreFile(key, key) for key in stored.keys if key != TRANSCRIPT]
    return [_older(stored, key, change) for key in stored.keys]


def index_entries(stored: StoredContext, change: ContextChange, home: str) -> Sequence[IndexEntry]:
    """Returns the entry that adds the session's rows to the database."""
    if TRANSCRIPT not in stored.keys or not is_session(stored.context):
        return []
    from ctxstore.sources.goose import database

    session = change.session or stored.session
    return [session_rows(FILE, "Goose", database, session, lambda: rows_of(stored, change))]


def rows_of(stored: StoredContext, change: ContextChange) -> Iterator[bytes]:
    """Yields the session's rows as lines after `change`."""
    from ctxstore.sources.sqlite.restore_rows import iter_lines
    from ctxstore.sources.sqlite.rows import RowLine, decode_line, encode_line

    ended = False
    for raw in iter_lines(stored.read(TRANSCRIPT)):
        if change.is_empty:
            yield raw
            continue
        line = decode_line(raw)
        is_own = change.session or change.until
        if (is_own and line.table in ("threads", "thread_messages")) or (ended and line.table == "messages"):
            continue  # a thread continues after the message, and is the original's
        ended = ended or bool(change.until and line.row.get("message_id") == change.until)
        yield encode_line(RowLine(line.table, _changed(line.table, line.row, stored.session, change)))


def _changed(table: str, row: dict[str, Any], old: str, change: ContextChange) -> dict[str, Any]:
    row = dict(row)
    if table == "sessions":
        if isinstance(row.get("working_dir"), str):
            row["working_dir"] = change.path(row["working_dir"])
        if change.session or change.until:
            row |= {name: None for name in ("thread_id", "schedule_id") if name in row}
        if change.session:
            row["id"] = change.session
            row["updated_at"] = _sqlite_time(change.now)
    elif table == "messages" and change.session:
        row["session_id"] = change.session
        id = row.get("message_id")
        if isinstance(id, str) and id.startswith(f"msg_{old}_"):
            row["message_id"] = f"msg_{change.session}_" + id.removeprefix(f"msg_{old}_")
    return row


def _sqlite_time(now: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(now // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _older(stored: StoredContext, key: str, change: ContextChange) -> RestoreFile:
    is_transcript = key == older_key(stored.context)
    if change.until and is_transcript:
        _require_message(stored, key, change.until)
    place = f"sessions/{change.session}.jsonl" if change.session and is_transcript else key
    edit = _edit(change) if is_transcript and not change.is_empty else None
    return RestoreFile(place, key, edit, is_new=bool(change.session))


def _edit(change: ContextChange) -> FileEdit:
    from ctxstore.sources.goose.transcript import iter_messages

    return edit_messages(iter_messages, {"working_dir": change.path}, until=change.until, only_meta=True)


def _require_message(stored: StoredContext, key: str, id: str) -> None:
    from ctxstore.sources.goose.transcript import iter_messages

    require_message(stored, id, (each for each in iter_messages(stored.read(key)) if each.role != "meta"))
