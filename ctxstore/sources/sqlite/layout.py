"""The layout of an agent that keeps all its sessions in one database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from ctxstore.sources.context_names import group_of
from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile
from ctxstore.sources.sqlite.listing import is_nameable, listed, rows_file, whole_file
from ctxstore.sources.walk import by_key, take_named

if TYPE_CHECKING:
    import sqlite3

    from ctxstore.sources.sqlite.tables import DatabaseLayout, DatabaseSession


class DatabaseModule(Protocol):
    """The module ``database`` of an agent. It is imported when the database is opened."""

    @property
    def LAYOUT(self) -> DatabaseLayout: ...

    def list_sessions(self, connection: sqlite3.Connection) -> Iterator[DatabaseSession]:
        """Yields all sessions in the order of their ids, without reading their messages."""


class OlderSession(NamedTuple):
    """A session that exists only in files: its id, the folder in which it worked, and the files."""

    id: str
    folder: str
    files: list[FoundFile]


class SessionDatabaseLayout(AgentLayout):
    """Lists the whole database, the settings, and each session: as rows, or as the files of older versions.

    - `file`: the database's path below the home.
    - `secrets`: the tables that contain tokens.
    - `settings`: the names of files and folders that contain the user's settings.
    """

    source: ClassVar[str]
    file: ClassVar[str]
    secrets: ClassVar[Sequence[str]] = ()
    settings: ClassVar[frozenset[str]]

    def database(self) -> DatabaseModule:
        """Returns the module that understands the database."""
        raise NotImplementedError

    def files_beside(self, session: DatabaseSession) -> list[FoundFile]:
        """Returns the session's files that are not in the database."""
        return []

    def older_sessions(self, is_wanted: Callable[[str], bool]) -> Iterator[OlderSession]:
        """Yields the sessions that older versions kept in files, those whose ids `is_wanted` accepts."""
        return iter(())

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the whole database, and the settings: what is named, and nothing else."""
        return {f"{self.source}/database": self._whole_file, f"{self.source}/home": self._settings}

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the sessions in the order of their names."""
        yield from sorted(self._sessions(""), key=lambda context: context.name)

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the session called `name`, or None if there is none. Files of other sessions are not listed."""
        found = self._sessions(name.rpartition("/")[2])
        return next((context for context in found if context.name == name), None)

    def _sessions(self, only: str) -> Iterator[FoundContext]:
        path = os.path.join(self.path, self.file)
        known: set[str] = set()
        for session in self.listed_sessions:
            known.add(session.id)
            if only in ("", session.id) and is_nameable(session.id, path, self.report):
                rows = rows_file(path, session.id, session.stat, lambda: self.database().LAYOUT)
                yield self._context(session.folder, session.id, [rows, *self.files_beside(session)])
        for older in self.older_sessions(lambda id: id not in known and only in ("", id)):
            known.add(older.id)
            yield self._context(older.folder, older.id, older.files)

    @cached_property
    def listed_sessions(self) -> list[DatabaseSession]:
        """The sessions in the database, which is opened once."""
        path = os.path.join(self.path, self.file)
        return listed(path, self.report, lambda connection: self.database().list_sessions(connection))

    def _context(self, folder: str, session: str, files: list[FoundFile]) -> FoundContext:
        return FoundContext(f"{self.source}/{group_of(folder)}/{session}", sorted(files, key=by_key))

    def _whole_file(self) -> list[FoundFile]:
        return whole_file(self.path, self.file, self.report, secrets=self.secrets)

    def _settings(self) -> list[FoundFile]:
        return take_named(self.path, self.settings.__contains__, self.report)


def is_session(context: str) -> bool:
    """Whether the context is a session, not the settings or the database."""
    return context.count("/") == 2
