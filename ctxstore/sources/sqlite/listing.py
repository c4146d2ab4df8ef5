"""Files that are only in a database, as a source lists them. Light: the database is opened when they are read."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from ctxstore.errors import SourceError
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
from ctxstore.sources.sqlite.fake_stat import stamp

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.sqlite.read_safely import DatabaseFile
    from ctxstore.sources.sqlite.tables import DatabaseLayout

TRANSCRIPT = "session.jsonl"
"""The key of a session's rows. It is no file of the agent's."""

WHOLE_LIMIT = 1 << 30
"""A larger database is not copied as a whole: each time it changes, all of it is read."""

_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


T = TypeVar("T")


def is_nameable(session: str, path: str, report: ReportSkipped) -> bool:
    """Whether a session's id can be part of a context's name. An unsuitable id is reported."""
    if _ID.fullmatch(session):
        return True
    report(Skipped(path, f"a session's id can't be part of a name: {session[:80]!r}"))
    return False


def listed(path: str, report: ReportSkipped, look: Callable[[sqlite3.Connection], Iterator[T]]) -> list[T]:
    """Returns all results of `look` for the database at `path`, which is closed before the function returns."""
    if not os.path.lexists(path):
        return []
    from ctxstore.sources.sqlite.database import open_database

    try:
        with open_database(path) as connection:
            return list(look(connection))
    except SourceError as error:
        report(Skipped(path, error.message))
        return []


def rows_file(path: str, session: str, stat: os.stat_result, layout: Callable[[], DatabaseLayout]) -> FoundFile:
    """Returns a session's rows as a file of lines."""

    def content() -> Iterator[bytes]:
        from ctxstore.sources.sqlite.contents import rows_of
        from ctxstore.sources.sqlite.tables import SessionTables

        return rows_of(path, lambda connection: SessionTables(connection).export(layout(), session))()

    return FoundFile(TRANSCRIPT, path, stat, content=content)


def whole_file(
    home: str, key: str, report: ReportSkipped, *, secrets: Sequence[str] = (), state: bool = False
) -> list[FoundFile]:
    """Returns the database `key` below `home` as a file, without the rows of the tables `secrets`.

    Returns an empty list if the database is too large, which is reported, or if the file is no database, which the
    reader of the database reports.
    """
    from ctxstore.sources.sqlite.read_safely import find_place

    path = os.path.join(home, key)
    try:
        if not os.path.lexists(path):
            return []
        place = find_place(path)
    except SourceError:
        return []
    if place.file.size + place.log.size > WHOLE_LIMIT:
        reason = "larger than 1 GiB, so it is not saved as a whole: its sessions are saved one by one"
        report(Skipped(path, reason, failed=False))
        return []
    return [copied_file(key, path, place, secrets=secrets, state=state)]


def copied_file(
    key: str, path: str, place: DatabaseFile, *, secrets: Sequence[str] = (), state: bool = True
) -> FoundFile:
    """Returns the database at `path` as a file, as SQLite's online backup copies it."""

    def content() -> Iterator[bytes]:
        from ctxstore.sources.sqlite.contents import copy_of

        return copy_of(path, secrets)()

    newest = max(place.file.mtime_ns, place.log.mtime_ns)
    return FoundFile(key, path, stamp(place.file.size, newest, place.file, place.log), state=state, content=content)


def find_database(path: str, report: ReportSkipped) -> DatabaseFile | None:
    """Returns the database at `path`, or None if it cannot be read, which is reported."""
    from ctxstore.sources.sqlite.read_safely import find_place

    try:
        return find_place(path)
    except SourceError as error:
        report(Skipped(path, error.message))
        return None
