"""OpenCode's homes: its data folder, its folder of settings, and the folder of a database that a variable names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from ctxstore.sources.layout import ListFiles
from ctxstore.sources.opencode import FILES_ENDING
from ctxstore.sources.opencode.databases import FILE, Databases, ending_of, rows_key
from ctxstore.sources.opencode.layout_files import OpenCodeFiles
from ctxstore.sources.opencode.session_files import SessionFiles, transcript
from ctxstore.sources.protocol import FoundContext, FoundFile, Skipped
from ctxstore.sources.sqlite.layout import DatabaseModule, SessionDatabaseLayout, is_session
from ctxstore.sources.sqlite.listing import TRANSCRIPT, is_nameable, rows_file
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, take

if TYPE_CHECKING:
    from ctxstore.sources.sqlite.tables import DatabaseSession

_SIGNS = frozenset({FILE, "storage", "opencode.json", "opencode.jsonc"})
"""A folder of another name that has one of these is OpenCode's too."""


class OpenCodeLayout(SessionDatabaseLayout):
    """Lists OpenCode's data folder, or its folder of settings."""

    source = "opencode"
    file = FILE
    # Tokens of accounts, and those that take a shared session back.
    secrets = ("account", "account_state", "control_account", "credential", "session_share")
    settings = frozenset(
        {"opencode.json", "opencode.jsonc", "config.json", "tui.json", "tui.jsonc", "AGENTS.md"}
        | {name + end for name in ("agent", "command", "mode", "plugin", "skill", "theme", "tool") for end in ("", "s")}
    )

    def database(self) -> DatabaseModule:
        """Returns the module that understands the database."""
        from ctxstore.sources.opencode import database

        return database

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the whole databases, the settings, and the files of no session."""
        return {**super().shared(), "opencode/storage": self._stray_files}

    def _sessions(self, only: str) -> Iterator[FoundContext]:
        wanted = only.removesuffix(FILES_ENDING)
        for name, sessions in self._databases.sessions.items():
            path = os.path.join(self.path, name)
            for session in sessions:
                if wanted in ("", session.id) and is_nameable(session.id, path, self.report):
                    rows = rows_file(path, session.id, session.stat, lambda: self.database().LAYOUT)
                    files = [rows._replace(key=rows_key(name)), *self.files_beside(session)]
                    context = self._context(session.folder, session.id, files)
                    yield context._replace(name=_with_ending(context.name, ending_of(name)))
        yield from self._sessions_in_files(wanted)

    def _sessions_in_files(self, wanted: str) -> Iterator[FoundContext]:
        copies = 0
        for session in self._storage.list_sessions():
            if wanted not in ("", session.id):
                continue
            counted = self._databases.messages.get(session.id)
            if counted is not None and self._storage.count_messages(session) <= counted:
                copies += 1
            elif files := self._storage.files(session):
                yield self._in_files(session, files, "" if counted is None else FILES_ENDING)
        if copies and not wanted:
            reason = f"files of {copies} sessions that are in the database, with as many messages"
            self.report(Skipped(os.path.join(self.path, "storage"), reason, failed=False))

    def _in_files(self, session: SessionFiles, files: list[FoundFile], ending: str) -> FoundContext:
        folder = self._storage.folder_of(session)
        path = os.path.join(self.path, session.own[0] if session.own else session.places[0].messages)
        files.append(transcript(session, folder, files, TRANSCRIPT, path))
        project = next((place.project for place in session.places if place.project not in ("", "global")), "")
        return self._context(folder or (f"/{project}" if project else ""), session.id + ending, files)

    def files_beside(self, session: DatabaseSession) -> list[FoundFile]:
        """Returns the session's files in ``storage``, and its plan, which is named after its time and short name."""
        plan = self._plans.get(_plan_of(session))
        return [*self._storage.files_beside(session.id), *([plan] if plan else [])]

    def _whole_file(self) -> list[FoundFile]:
        return self._databases.whole_files(self.secrets)

    def _settings(self) -> list[FoundFile]:
        is_own = os.path.basename(self.path) == "opencode" or any(
            os.path.lexists(os.path.join(self.path, name)) for name in _SIGNS
        )
        return super()._settings() if is_own else []  # else the folder of a database that a variable names

    def _stray_files(self) -> list[FoundFile]:
        from ctxstore.sources.opencode.stray_files import StrayFiles

        sessions = [session for each in self._databases.sessions.values() for session in each]
        named = {_plan_of(session) for session in sessions}
        files = [file for name, file in self._plans.items() if name not in named]
        for entry in filter(is_folder, list_folder(os.path.join(self.path, "plans"), self.report)):
            files += take(entry, f"plans/{entry.name}", self.report)
        files += StrayFiles(self._storage, {session.id for session in sessions}, self.report).find()
        return sorted(files, key=by_key)

    @cached_property
    def _databases(self) -> Databases:
        return Databases(self.path, self.report)

    @cached_property
    def _storage(self) -> OpenCodeFiles:
        return OpenCodeFiles(self.path, self.report)

    @cached_property
    def _plans(self) -> Mapping[str, FoundFile]:
        found = {}
        for entry in list_folder(os.path.join(self.path, "plans"), self.report):
            file = look_at(entry, f"plans/{entry.name}", self.report)
            if file is not None and not stat.S_ISDIR(file.stat.st_mode):
                found[entry.name] = file
        return found


make_layout = OpenCodeLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns ``session.jsonl``, or the key of the rows in another database, or None if `keys` has neither."""
    if not is_session(context):
        return None
    found = [key for key in keys if key == TRANSCRIPT or (key.endswith("/" + TRANSCRIPT) and key.count("/") == 1)]
    return min(found, default=None)


def is_memory(key: str) -> bool:
    """Whether the file has instructions for every session."""
    return key == "AGENTS.md"


def _with_ending(name: str, ending: str) -> str:
    source, group, session = name.split("/")
    return f"{source}/{group}{ending}/{session}"


def _plan_of(session: DatabaseSession) -> str:
    from ctxstore.sources.sqlite.tables import integer

    slug = session.row.get("slug")
    return f"{integer(session.row.get('time_created'))}-{slug if isinstance(slug, str) else ''}.md"
