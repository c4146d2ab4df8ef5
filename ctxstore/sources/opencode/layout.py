"""Where OpenCode keeps what belongs to a session, and what belongs to the user.

All sessions are in one database, or, of versions before 1.2, in a folder of files. Each is a context by itself.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ctxstore.errors import SourceError
from ctxstore.sources.opencode.older import Storage
from ctxstore.sources.protocol import FoundContext, FoundFile, Report, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

if TYPE_CHECKING:
    from ctxstore.sources.opencode.database import Session
    from ctxstore.sources.sqlite.contents import Content

_PREFIX = "opencode/"
HOME = _PREFIX + "home"
DATABASE = _PREFIX + "database"
TRANSCRIPT = "session.jsonl"
"""The key of a session's rows. It is no file of OpenCode's."""
FILE = "opencode.db"

WHOLE_LIMIT = 1 << 30
"""A larger database is not copied as a whole: each time it changes, all of it is read."""

_FILES = frozenset({"opencode.json", "opencode.jsonc", "config.json", "tui.json", "tui.jsonc", "AGENTS.md"})
_FOLDERS = frozenset(
    {name + end for name in ("agent", "command", "mode", "plugin", "skill", "theme", "tool") for end in ("", "s")}
)
_GROUP = 200
"""Characters of a folder's path that are kept in a name: the last ones."""
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


class Layout:
    """One look at OpenCode's data folder, or at its folder of settings: each has what the other has not."""

    def __init__(self, path: str, suffix: str, report: Report) -> None:
        self._path = path
        self._suffix = suffix
        self._report = report
        self._storage = Storage(path, report)

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
        from ctxstore.sources.sqlite.place import find_place
        from ctxstore.sources.sqlite.stamp import stamp

        path = os.path.join(self._path, FILE)
        try:
            if not os.path.lexists(path):
                return []
            place = find_place(path)
        except SourceError:
            return []  # whoever lists the sessions says so
        if place.file.size + place.log.size > WHOLE_LIMIT:
            reason = "larger than 1 GiB, so it is not saved as a whole: its sessions are saved one by one"
            self._report(Skipped(path, reason, failed=False))
            return []
        newest = max(place.file.mtime_ns, place.log.mtime_ns)
        state = stamp(place.file.size, newest, place.file, place.log)
        return [FoundFile(FILE, path, state, state=False, content=_copy_of(path))]

    def _home(self) -> list[FoundFile]:
        """Settings, instructions, agents and commands: what is named, and nothing else."""
        files: list[FoundFile] = []
        for entry in list_folder(self._path, self._report):
            if entry.name not in _FILES and entry.name not in _FOLDERS:
                continue
            file = look_at(entry, entry.name, self._report)
            if file is None:
                continue
            files.append(file)
            if stat.S_ISDIR(file.stat.st_mode):
                files += walk(file.path, entry.name + "/", self._report)
        files.sort(key=by_key)
        return files

    def _sessions(self, only: str) -> Iterator[FoundContext]:
        """Those in the database, then those that are only in files. `only`: the one session to look for."""
        path = os.path.join(self._path, FILE)
        known = set()
        plans = self._plans()
        for session in self._rows(path):
            known.add(session.id)
            if only and session.id != only:
                continue
            if not _ID.fullmatch(session.id):
                self._report(Skipped(path, f"a session's id can't be part of a name: {session.id[:80]!r}"))
                continue
            files = [FoundFile(TRANSCRIPT, path, session.stat, content=_rows_of(path, session.id))]
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

    def _rows(self, path: str) -> list[Session]:
        """The sessions in the database. All of them: it is closed before anything else is done."""
        if not os.path.lexists(path):
            return []
        from ctxstore.sources.opencode.database import list_sessions
        from ctxstore.sources.sqlite.database import open_database

        try:
            with open_database(path) as connection:
                return list(list_sessions(connection))
        except SourceError as error:
            self._report(Skipped(path, error.message))
            return []

    def _plans(self) -> Mapping[str, FoundFile]:
        """Plans are files named after the session's time and short name."""
        found = {}
        for entry in list_folder(os.path.join(self._path, "plans"), self._report):
            file = look_at(entry, f"plans/{entry.name}", self._report)
            if file is not None and not stat.S_ISDIR(file.stat.st_mode):
                found[entry.name] = file
        return found


def group_of(directory: str) -> str:
    """The folder a session worked in, as the middle part of its name: ``-`` for all but ASCII letters and digits."""
    return "".join(c if c.isascii() and c.isalnum() else "-" for c in directory)[-_GROUP:] or "-"


def name_of(directory: str, session: str) -> str:
    """The name of a session's context."""
    return f"{_PREFIX}{group_of(directory)}/{session}"


def is_session(context: str) -> bool:
    """Whether the context is a session, as against the settings or the database."""
    return context.startswith(_PREFIX) and context.count("/") == 2


def _copy_of(path: str) -> Content:
    def content() -> Iterator[bytes]:
        from ctxstore.sources.opencode.database import SECRETS
        from ctxstore.sources.sqlite.contents import copy_of

        return copy_of(path, SECRETS)()

    return content


def _rows_of(path: str, session: str) -> Content:
    def content() -> Iterator[bytes]:
        from ctxstore.sources.opencode.database import MODEL
        from ctxstore.sources.sqlite.contents import rows_of
        from ctxstore.sources.sqlite.tables import Tables

        return rows_of(path, lambda connection: Tables(connection).export(MODEL, session))()

    return content
