"""The databases in a folder of OpenCode's. Each of its release channels has one, and a variable may name another."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ctxstore.sources.context_names import hash_of
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
from ctxstore.sources.sqlite.listing import TRANSCRIPT, listed, whole_file
from ctxstore.sources.walk import list_folder, read_head

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.sqlite.tables import DatabaseSession

FILE = "opencode.db"
"""The database of the usual channels."""

_CHANNEL = re.compile(r"opencode-[^/]+\.db")
_LABEL = re.compile(r"[0-9A-Za-z_-]{1,40}")
_HEADER = b"SQLite format 3\0"


def ending_of(name: str) -> str:
    """Returns the end of the context names of a database that is not the usual one: a dot, and a word for the
    database."""
    if name == FILE:
        return ""
    label = name.removeprefix("opencode-").removesuffix(".db")
    return "." + (label if _LABEL.fullmatch(label) else hash_of(name.encode("utf-8", "surrogateescape")))


def rows_key(name: str) -> str:
    """Returns the key of a session's rows in the database `name`."""
    return TRANSCRIPT if name == FILE else f"{name}/{TRANSCRIPT}"


def database_of(key: str) -> str:
    """Returns the name of the database that contains the rows `key`."""
    return os.path.dirname(key) or FILE


class Databases:
    """The databases of a folder, each opened once."""

    def __init__(self, folder: str, report: ReportSkipped) -> None:
        self._folder = folder
        self._report = report

    @cached_property
    def sessions(self) -> Mapping[str, Sequence[DatabaseSession]]:
        """Maps each database's name to its sessions. The usual database comes first."""
        return {name: sessions for name, (sessions, _) in self._read.items()}

    @cached_property
    def messages(self) -> Mapping[str, int]:
        """Maps each session's id to the number of its messages: the highest number in any database."""
        found: dict[str, int] = {}
        for sessions, counts in self._read.values():
            for session in sessions:
                found[session.id] = max(found.get(session.id, 0), counts.get(session.id, 0))
        return found

    def whole_files(self, secrets: Sequence[str]) -> list[FoundFile]:
        """Returns copies of the databases, in the order of their names. Databases that are not OpenCode's are
        skipped."""
        names = sorted({FILE, *self._read})
        return [file for name in names for file in whole_file(self._folder, name, self._report, secrets=secrets)]

    @cached_property
    def _read(self) -> Mapping[str, tuple[Sequence[DatabaseSession], Mapping[str, int]]]:
        has_files = any(os.path.isdir(os.path.join(self._folder, name)) for name in ("storage", "project"))

        def look(connection: sqlite3.Connection) -> Iterator[tuple[Sequence[DatabaseSession], Mapping[str, int]]]:
            from ctxstore.sources.opencode.database import count_messages, list_sessions

            sessions = list(list_sessions(connection))
            yield sessions, count_messages(connection) if has_files else {}

        found = {}
        for name in self._names:
            for read in listed(os.path.join(self._folder, name), self._reporter(name), look):
                found[name] = read
        return found

    @property
    def _names(self) -> Iterator[str]:
        if os.path.lexists(os.path.join(self._folder, FILE)):
            yield FILE
        for entry in sorted(list_folder(self._folder, self._report), key=lambda entry: entry.name):
            if entry.name != FILE and (_CHANNEL.fullmatch(entry.name) or _is_database(entry)):
                yield entry.name

    def _reporter(self, name: str) -> ReportSkipped:
        """Returns the function that reports an unreadable database. A database with an arbitrary name may belong to
        another program."""
        if name == FILE or _CHANNEL.fullmatch(name):
            return self._report

        def report(skipped: Skipped) -> None:
            self._report(skipped._replace(failed=False))

        return report


def _is_database(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file(follow_symlinks=False) and read_head(entry.path, len(_HEADER)) == _HEADER
    except OSError:
        return False
