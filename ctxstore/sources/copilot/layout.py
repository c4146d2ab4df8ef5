"""Copilot CLI's home: sessions, each in a folder or, in old versions, a file; and the files that belong to the user.

Of the user's files those listed here are taken. Everything else stays out: logs, caches, plugins' code, and the
database of all sessions, which is an index of their folders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from ctxstore.sources.layout import GroupedLayout, KeyedEntry, ListFiles
from ctxstore.sources.protocol import FoundFile, Skipped
from ctxstore.sources.sqlite.listing import copied_file, find_database
from ctxstore.sources.unclaimed import is_part_of, take_unclaimed, why_left_out
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, may_hold_credentials, take_named, walk

_PREFIX = "copilot/sessions/"
HOME = "copilot/home"
SESSIONS = "session-state"
LEGACY = "history-session-state"
"""The folder of versions before 0.0.342: a session is a document there."""
EVENTS = "events.jsonl"
WORKSPACE = "workspace.yaml"
DATABASE = "session.db"
_BULKY = ("files/", "research/", "rewind-file-snapshots/")
"""Files that a session made, and states it can return to: artifacts, not state."""

_OPERATIONS = ".session-operation-locks"
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
_LEGACY = re.compile(r"session_([0-9A-Za-z][0-9A-Za-z_-]{0,127})_\d+\.json")

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


def session_of(context: str) -> str | None:
    """Returns the id of the session whose context is `context`, or None if it is not a session."""
    id = context.removeprefix(_PREFIX)
    return id if id != context and _ID.fullmatch(id) else None


def context_name(session: str) -> str:
    """Returns the context of a session."""
    return _PREFIX + session


def events_key(session: str) -> str:
    """Returns the key of a session's events."""
    return f"{SESSIONS}/{session}/{EVENTS}"


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns the key of the file with a session's events, or None if there is none. The file in the session's folder
    precedes that of an old version."""
    session = session_of(context)
    if session is None:
        return None
    keys = list(keys)
    found = {events_key(session), f"{SESSIONS}/{session}.jsonl"}.intersection(keys)
    if found:
        return max(found)  # a slash sorts after a full stop
    return max((key for key in keys if is_legacy(key)), key=lambda key: (len(key), key), default=None)


def is_legacy(key: str) -> bool:
    """Whether the file is a session of a version before 0.0.342."""
    folder, _, name = key.partition("/")
    return folder == LEGACY and _LEGACY.fullmatch(name) is not None


class CopilotLayout(GroupedLayout[KeyedEntry]):
    """Lists the folder ``.copilot``."""

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {HOME: self._home_files}

    def group_entries(self) -> Mapping[str, list[KeyedEntry]]:
        """Returns the folder and the files of each session."""
        sessions: dict[str, list[KeyedEntry]] = {}
        for folder, find_id in _FOLDERS_OF_SESSIONS.items():
            for entry in list_folder(os.path.join(self.path, folder), self.report):
                if id := find_id(entry):
                    sessions.setdefault(context_name(id), []).append(KeyedEntry(f"{folder}/{entry.name}", entry))
        return sessions

    def list_files(self, entries: list[KeyedEntry]) -> list[FoundFile]:
        """Returns the files of a session."""
        files: list[FoundFile] = []
        for key, entry in entries:
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
            if is_part_of(name, DATABASE):
                continue
            if "/" not in name and (why := why_left_out(name)):
                self.report(Skipped(file.path, why, failed=False))
            elif name == DATABASE:
                if place := find_database(file.path, self.report):
                    yield copied_file(file.key, file.path, place)
            else:
                bulky = name.startswith(_BULKY) or name + "/" in _BULKY
                yield file._replace(state=False) if bulky else file

    def _home_files(self) -> list[FoundFile]:
        files = take_named(self.path, (_FILES | _FOLDERS).__contains__, self.report)
        files = [file for file in files if file.key != MANAGED or self._is_safe(file)]
        for folder, find_id in _FOLDERS_OF_SESSIONS.items():
            for entry in list_folder(os.path.join(self.path, folder), self.report):
                if entry.name == _OPERATIONS:
                    self.report(Skipped(entry.path, "locks", failed=False))
                elif not find_id(entry):
                    files += take_unclaimed(entry, f"{folder}/{entry.name}", self.report)
        return sorted(files, key=by_key)

    def _is_safe(self, file: FoundFile) -> bool:
        if may_hold_credentials(file):
            self.report(Skipped(file.path, "may hold credentials, or is too large for settings", failed=False))
            return False
        return True


def _id_of(entry: os.DirEntry[str]) -> str:
    """Returns the id of the session to which the entry belongs, or an empty string if it belongs to none."""
    id = entry.name
    if not is_folder(entry) and not entry.is_symlink():
        id = id.removesuffix(".jsonl")
        if id == entry.name:
            return ""
    return id if _ID.fullmatch(id) else ""


def _legacy_id_of(entry: os.DirEntry[str]) -> str:
    match = _LEGACY.fullmatch(entry.name)
    return match[1] if match and not is_folder(entry) else ""


_FOLDERS_OF_SESSIONS: Mapping[str, Callable[[os.DirEntry[str]], str]] = {SESSIONS: _id_of, LEGACY: _legacy_id_of}
"""The folders, each with the rule that finds a session's id. Other entries are saved with the user's files."""

make_layout = CopilotLayout


def is_memory(key: str) -> bool:
    """Whether the file is one of the user's instructions."""
    return key == INSTRUCTIONS or key.startswith("instructions/")
