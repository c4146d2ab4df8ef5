"""OpenCode's homes: its data folder, and its folder of settings. Versions before 1.2 kept sessions in files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from ctxstore.sources.opencode.layout_files import OpenCodeFiles
from ctxstore.sources.protocol import FoundFile
from ctxstore.sources.sqlite.layout import DatabaseModule, OlderSession, SessionDatabaseLayout, is_session
from ctxstore.sources.sqlite.listing import TRANSCRIPT
from ctxstore.sources.walk import list_folder, look_at

if TYPE_CHECKING:
    from ctxstore.sources.sqlite.tables import DatabaseSession

FILE = "opencode.db"


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

    def files_beside(self, session: DatabaseSession) -> list[FoundFile]:
        """Returns the session's files in ``storage``, and its plan, which is named after its time and short name."""
        from ctxstore.sources.sqlite.tables import integer

        created, slug = integer(session.row.get("time_created")), session.row.get("slug")
        plan = self._plans.get(f"{created}-{slug if isinstance(slug, str) else ''}.md")
        return [*self._storage.files_beside(session.id), *([plan] if plan else [])]

    def older_sessions(self, is_wanted: Callable[[str], bool]) -> Iterator[OlderSession]:
        """Yields the sessions in ``storage``."""
        for session in self._storage.sessions():
            if is_wanted(session.id):
                files = self._storage.files(session)
                files.append(self._storage.transcript(session, files, TRANSCRIPT))
                yield OlderSession(session.id, session.folder, files)

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
    """Returns ``session.jsonl``."""
    return TRANSCRIPT if is_session(context) and TRANSCRIPT in keys else None


def is_memory(key: str) -> bool:
    """Whether the file has instructions for every session."""
    return key == "AGENTS.md"
