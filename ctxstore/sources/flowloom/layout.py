"""FlowLoom's files in a project: sessions below ``.flowloom/sessions`` and ``.flowloom/backups``."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import cached_property

from ctxstore.sources.context_names import hash_of, path_part
from ctxstore.sources.layout import GroupedLayout, KeyedEntry
from ctxstore.sources.protocol import FoundFile, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

_TOP = ".flowloom"
_SESSIONS = f"{_TOP}/sessions"
_BACKUPS = f"{_TOP}/backups"
INDEX = "index"
"""The name of the context with the files that sessions share."""

_STATE = frozenset({"metadata.json", "state.json", "todo.json", "todos.json"})
_WORKTREES = "worktrees"
_APART = frozenset({"sessions", "backups", _WORKTREES})
"""Folders below ``.flowloom`` that are no session's: worktrees are git's, and hold the project itself."""

FolderEntry = os.DirEntry[str]


class FlowLoomLayout(GroupedLayout[KeyedEntry]):
    """Lists a project."""

    @cached_property
    def _prefix(self) -> str:
        return f"flowloom/{path_part(self.path)}/"

    def group_entries(self) -> Mapping[str, list[KeyedEntry]]:
        """Returns the entries of the folders, by context."""
        places: dict[str, list[KeyedEntry]] = {}
        for folder in (_SESSIONS, _BACKUPS):
            for entry in self._list(folder):
                is_session = entry.is_dir(follow_symlinks=False)
                name = _session_of(entry.name) if is_session else INDEX
                places.setdefault(self._prefix + name, []).append(KeyedEntry(f"{folder}/{entry.name}", entry))
        shared = []
        for entry in self._list(_TOP):
            if entry.name not in _APART or not entry.is_dir(follow_symlinks=False):
                shared.append(KeyedEntry(f"{_TOP}/{entry.name}", entry))
            elif entry.name == _WORKTREES:
                self.report(Skipped(entry.path, "git's worktrees of the project", failed=False))
        if shared:
            places.setdefault(self._prefix + INDEX, []).extend(shared)
        return places

    def _list(self, folder: str) -> list[FolderEntry]:
        return list_folder(os.path.join(self.path, folder), self.report)

    def list_files(self, entries: list[KeyedEntry]) -> list[FoundFile]:
        """Returns the files of a session."""
        files: list[FoundFile] = []
        for key, entry in entries:
            file = look_at(entry, key, self.report)
            if file is not None:
                files.append(file)
                if entry.is_dir(follow_symlinks=False):
                    files += walk(file.path, key + "/", self.report)
        return sorted((file._replace(state=_is_state(file.key)) for file in files), key=by_key)


make_layout = FlowLoomLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns the key of the session's ``metadata.json`` if it is one of `keys`, else None."""
    parts = (key.split("/") for key in keys)
    found = ("/".join(each) for each in parts if "/".join(each[:2]) == _SESSIONS and each[3:] == ["metadata.json"])
    return next(found, None) if context.rpartition("/")[2] != INDEX else None


def is_memory(key: str) -> bool:
    """Returns false, because FlowLoom keeps session states, no memories."""
    return False


def _session_of(folder: str) -> str:
    """Returns the session's id from the name of its folder: ``session-<id>``, or ``<id>`` alone."""
    id = folder.removeprefix("session-") or folder
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", id)
    if plain == id and id.strip(".") and id != INDEX:
        return id
    return f"{plain}.{hash_of(os.fsencode(folder))}"


def _is_state(key: str) -> bool:
    """Whether an incremental snapshot includes the file: the index, or a session's metadata and state. Output is
    excluded."""
    parts = key.split("/")
    if "/".join(parts[:2]) != _SESSIONS:
        return False
    return len(parts) < 4 or (len(parts) == 4 and parts[3] in _STATE)
