"""Copilot CLI's home: sessions, each in a folder or, in old versions, a file; and the files that belong to the user.

Of the user's files those listed here are taken. Everything else stays out: logs, caches, plugins' code, and the
database of all sessions, which is an index of their folders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

from ctxstore.sources.layout import GroupedLayout, ListFiles
from ctxstore.sources.protocol import FoundFile, Skipped
from ctxstore.sources.sqlite.listing import copied_file, find_database
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, may_hold_credentials, take_named, walk

_PREFIX = "copilot/sessions/"
HOME = "copilot/home"
SESSIONS = "session-state"
EVENTS = "events.jsonl"
WORKSPACE = "workspace.yaml"
DATABASE = "session.db"
_BULKY = ("files/", "research/", "rewind-file-snapshots/")
"""Files that a session made, and states it can return to: artifacts, not state."""

_LOCKS = (".lock", "-wal", "-shm", "-journal")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")

INSTRUCTIONS = "copilot-instructions.md"
MANAGED = "config.json"
"""Copilot's own state. Old versions keep the user's settings in it, and some the account that is logged in."""

_FILES = frozenset(
    {
        "command-history-state.json",
        INSTRUCTIONS,
        "lsp-config.json",
        MANAGED,
        "mcp-config.json",
        "permissions-config.json",
        "settings.json",
    }
)
_FOLDERS = frozenset({"agents", "hooks", "instructions", "skills"})

FolderEntry = os.DirEntry[str]


def session_of(context: str) -> str | None:
    """Returns the id of the session that is the context `context`; ``None`` if that is none."""
    id = context.removeprefix(_PREFIX)
    return id if id != context and _ID.fullmatch(id) else None


def context_name(session: str) -> str:
    """Returns the context of a session."""
    return _PREFIX + session


def events_key(session: str) -> str:
    """Returns the key of a session's events."""
    return f"{SESSIONS}/{session}/{EVENTS}"


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns the file that holds a session's events: the one in its folder, else that of an old version."""
    session = session_of(context)
    if session is None:
        return None
    found = {events_key(session), f"{SESSIONS}/{session}.jsonl"}.intersection(keys)
    return max(found, default=None)  # a slash sorts after a full stop


class CopilotLayout(GroupedLayout[os.DirEntry[str]]):
    """Lists the folder ``.copilot``."""

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {HOME: self._home_files}

    def group_entries(self) -> Mapping[str, list[FolderEntry]]:
        """Returns the folder or the file of each session, or both."""
        sessions: dict[str, list[FolderEntry]] = {}
        for entry in list_folder(os.path.join(self.path, SESSIONS), self.report):
            id = entry.name
            if not is_folder(entry) and not entry.is_symlink():
                id = id.removesuffix(".jsonl")
                if id == entry.name:
                    continue
            if _ID.fullmatch(id):
                sessions.setdefault(context_name(id), []).append(entry)
        return sessions

    def list_files(self, entries: list[FolderEntry]) -> list[FoundFile]:
        """Returns the files of a session."""
        files: list[FoundFile] = []
        for entry in entries:
            key = f"{SESSIONS}/{entry.name}"
            file = look_at(entry, key, self.report)
            if file is None:
                continue
            files.append(file)
            if is_folder(entry):
                files += self._below(file.path, key + "/")
        files.sort(key=by_key)
        return files

    def _below(self, path: str, prefix: str) -> Iterator[FoundFile]:
        for file in walk(path, prefix, self.report):
            name = file.key.removeprefix(prefix)
            if "/" not in name and name.endswith(_LOCKS):
                continue
            if name == DATABASE:
                if place := find_database(file.path, self.report):
                    yield copied_file(file.key, file.path, place)
            else:
                bulky = name.startswith(_BULKY) or name + "/" in _BULKY
                yield file._replace(state=False) if bulky else file

    def _home_files(self) -> list[FoundFile]:
        files = take_named(self.path, (_FILES | _FOLDERS).__contains__, self.report)
        return [file for file in files if file.key != MANAGED or self._is_safe(file)]

    def _is_safe(self, file: FoundFile) -> bool:
        if may_hold_credentials(file):
            self.report(Skipped(file.path, "may hold credentials, or is too large for settings", failed=False))
            return False
        return True


make_layout = CopilotLayout


def is_memory(key: str) -> bool:
    """Whether the file is one of the user's instructions."""
    return key == INSTRUCTIONS or key.startswith("instructions/")
