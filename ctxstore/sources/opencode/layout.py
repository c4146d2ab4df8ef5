"""Where OpenCode keeps what belongs to a session, and what belongs to the user.

All sessions are in one database, or, of versions before 1.2, in a folder of files. Each is a context by itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ctxstore.sources.context_names import group_of
from ctxstore.sources.opencode.layout_files import OpenCodeFiles
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped
from ctxstore.sources.sqlite.listing import TRANSCRIPT, is_nameable, listed, rows_file, whole_file
from ctxstore.sources.walk import by_key, list_folder, look_at, take_named

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.opencode.database import OpenCodeSession
    from ctxstore.sources.sqlite.tables import DatabaseLayout

_PREFIX = "opencode/"
HOME = _PREFIX + "home"
DATABASE = _PREFIX + "database"
FILE = "opencode.db"

SECRETS = ("account", "account_state", "control_account", "credential", "session_share")
"""Tables that hold tokens: of accounts, and what it takes to take a shared session back."""

_FILES = frozenset({"opencode.json", "opencode.jsonc", "config.json", "tui.json", "tui.jsonc", "AGENTS.md"})
_FOLDERS = frozenset(
    {name + end for name in ("agent", "command", "mode", "plugin", "skill", "theme", "tool") for end in ("", "s")}
)


class OpenCodeLayout:
    """One look at OpenCode's data folder, or at its folder of settings: each has what the other has not."""

    def __init__(self, path: str, suffix: str, report: ReportSkipped) -> None:
        self._path = path
        self._suffix = suffix
        self._report = report
        self._storage = OpenCodeFiles(path, report)

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
        """The whole database, as one file."""
        return whole_file(self._path, FILE, self._report, secrets=SECRETS)

    def _home(self) -> list[FoundFile]:
        """Settings, instructions, agents and commands: what is named, and nothing else."""
        return take_named(self._path, (_FILES | _FOLDERS).__contains__, self._report)

    def _sessions(self, only: str) -> Iterator[FoundContext]:
        """Those in the database, then those that are only in files. `only`: the one session to look for."""
        path = os.path.join(self._path, FILE)
        known = set()
        plans = self._plans()
        for session in listed(path, self._report, _look):
            known.add(session.id)
            if only and session.id != only:
                continue
            if not is_nameable(session.id, path, self._report):
                continue
            files = [rows_file(path, session.id, session.stat, _model)]
            files += self._storage.beside(session.id)
            if (plan := plans.get(f"{session.created}-{session.slug}.md")) is not None:
                files.append(plan)
            yield FoundContext(name_of(session.directory, session.id), sorted(files, key=by_key))
        for older in self._storage.sessions():
            if older.id not in known and only in ("", older.id):
                known.add(older.id)
                files = self._storage.files(older)
                files.append(self._storage.transcript(older, files, TRANSCRIPT))
                yield FoundContext(name_of(older.directory, older.id), sorted(files, key=by_key))

    def _plans(self) -> Mapping[str, FoundFile]:
        """Plans are files named after the session's time and short name."""
        found = {}
        for entry in list_folder(os.path.join(self._path, "plans"), self._report):
            file = look_at(entry, f"plans/{entry.name}", self._report)
            if file is not None and not stat.S_ISDIR(file.stat.st_mode):
                found[entry.name] = file
        return found


def name_of(directory: str, session: str) -> str:
    """The name of a session's context."""
    return f"{_PREFIX}{group_of(directory)}/{session}"


def is_session(context: str) -> bool:
    """Whether the context is a session, as against the settings or the database."""
    return context.startswith(_PREFIX) and context.count("/") == 2


def _look(connection: sqlite3.Connection) -> Iterator[OpenCodeSession]:
    from ctxstore.sources.opencode.database import list_sessions

    return list_sessions(connection)


def _model() -> DatabaseLayout:
    from ctxstore.sources.opencode.database import MODEL

    return MODEL
