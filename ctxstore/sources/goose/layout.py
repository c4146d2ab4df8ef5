"""Where Goose keeps what belongs to a session, and what belongs to the user.

All sessions are in one database, or, of versions before 1.10, in a file each. Each is a context by itself.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped
from ctxstore.sources.sqlite.listing import group_of, is_nameable, listed, rows_file, whole_file
from ctxstore.sources.walk import list_folder, look_at, take_named

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.goose.database import GooseSession
    from ctxstore.sources.sqlite.tables import DatabaseLayout

_PREFIX = "goose/"
HOME = _PREFIX + "home"
DATABASE = _PREFIX + "database"
FILE = "sessions/sessions.db"

_FILES = frozenset({"config.yaml", "permission.yaml", ".goosehints"})
_FOLDERS = frozenset({"memory", "prompts", "recipes", "skills"})
_OLDER = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]{0,127})\.jsonl")
_HEAD = 1 << 16


class GooseLayout:
    """One look at Goose's data folder, or at its folder of settings: each has what the other has not."""

    def __init__(self, path: str, suffix: str, report: ReportSkipped) -> None:
        self._path = path
        self._suffix = suffix
        self._report = report

    def contexts(self) -> Iterator[FoundContext]:
        """The database, the settings, then the sessions in the order of their names."""
        for name, files in ((DATABASE, self._database()), (HOME, self._home())):
            if files:
                yield FoundContext(name + self._suffix, files)
        yield from sorted(self._sessions(""), key=lambda context: context.name)

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`."""
        if name in (DATABASE + self._suffix, HOME + self._suffix):
            files = self._database() if name.startswith(DATABASE) else self._home()
            return FoundContext(name, files) if files else None
        found = self._sessions(name.rpartition("/")[2])
        return next((context for context in found if context.name == name), None)

    def _database(self) -> list[FoundFile]:
        return whole_file(self._path, FILE, self._report)

    def _home(self) -> list[FoundFile]:
        """Settings, hints, memories, recipes: what is named, and nothing else."""
        return take_named(self._path, (_FILES | _FOLDERS).__contains__, self._report)

    def _sessions(self, only: str) -> Iterator[FoundContext]:
        """Those in the database, then those that are only in files. `only`: the one session to look for."""
        path = os.path.join(self._path, FILE)
        known = set()
        for session in listed(path, self._report, _look):
            known.add(session.id)
            if only in ("", session.id) and is_nameable(session.id, path, self._report):
                file = rows_file(path, session.id, session.stat, _model)
                yield FoundContext(name_of(session.folder, session.id), [file])
        for entry in list_folder(os.path.join(self._path, "sessions"), self._report):
            match = _OLDER.fullmatch(entry.name)
            if match and match[1] not in known and only in ("", match[1]):
                file_found = look_at(entry, f"sessions/{entry.name}", self._report)
                if file_found is not None:
                    yield FoundContext(name_of(_folder_of(entry.path), match[1]), [file_found])


def name_of(folder: str, session: str) -> str:
    """The name of a session's context."""
    return f"{_PREFIX}{group_of(folder)}/{session}"


def is_session(context: str) -> bool:
    """Whether the context is a session, as against the settings or the database."""
    return context.startswith(_PREFIX) and context.count("/") == 2


def older_key(context: str) -> str:
    """The key of the file that a session is in if it is not in the database."""
    return f"sessions/{context.rpartition('/')[2]}.jsonl"


def _folder_of(path: str) -> str:
    """The folder a session in a file worked in: its first line says it."""
    import json

    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(fd, "rb", buffering=0) as file:
            value = json.loads(file.read(_HEAD).partition(b"\n")[0])
    except (OSError, ValueError, RecursionError):
        return ""
    folder = value.get("working_dir") if isinstance(value, dict) else None
    return folder if isinstance(folder, str) else ""


def _look(connection: sqlite3.Connection) -> Iterator[GooseSession]:
    from ctxstore.sources.goose.database import list_sessions

    return list_sessions(connection)


def _model() -> DatabaseLayout:
    from ctxstore.sources.goose.database import MODEL

    return MODEL
