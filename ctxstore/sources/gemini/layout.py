"""Gemini CLI's home: projects with their sessions, and the files that belong to the user.

Each project has a folder below ``tmp`` and ``history``, which Gemini CLI names at its first session there. The name
stays when the project is moved. Every folder is listed once, and sessions' files are not opened. Of the user's files
only those named here are listed. Credentials, accounts, caches and programs are not.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping

from ctxstore.sources.gemini.names import ENDINGS, PREFIX, name_of, part_of, short_id, stem_of
from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile, Skipped
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, take, take_named

_PREFIX = "gemini/"
HOME = _PREFIX + "home"
PROJECT = "project"
"""The name of the context with the files that all sessions of a project share."""

_MEMORIES = frozenset({"GEMINI.md", "AGENTS.md", "memory.md"})
_NAMED = (
    _MEMORIES
    | {"keybindings.json", "projects.json", "settings.json", "trustedFolders.json"}
    | {"acknowledgments", "agents", "commands", "memory", "policies", "skills"}
)
_EXTENSIONS = "extensions"
_EXTENSION_FILES = frozenset({"gemini-extension.json", ".gemini-extension-install.json"})
_ACCOUNTS = frozenset(
    {
        "google_accounts.json",
        "mcp-oauth-tokens.json",
        "a2a-oauth-tokens.json",
        "gemini-credentials.json",
        "installation_id",
        "user_id",
    }
)

_PROGRAMS = "bin"
_BY_SESSION = frozenset({"chats", "logs", "tool-outputs"})
_STATE = frozenset({".project_root", "logs.json", "shell_history", "memory", "plans", "tasks", "tracker"})
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")

FolderEntry = os.DirEntry[str]
FoundEntry = tuple[str, FolderEntry, bool]
"""A key, the entry of a folder, and whether it is state."""


class GeminiLayout(AgentLayout):
    """Lists the folder ``.gemini``."""

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the context of the user's files."""
        return {HOME: self._home_files}

    def sessions(self) -> Iterator[FoundContext]:
        """Lists projects and their sessions, in the order of their names."""
        for project, folder in sorted(self._projects().items()):
            entries = self._entries(folder)
            for name in sorted(entries):
                if files := self._files(entries[name]):
                    yield FoundContext(f"{_PREFIX}{project}/{name}", files)

    def find_session(self, name: str) -> FoundContext | None:
        """Finds a session, or the files that a project's sessions share. Of the projects, only this one is listed."""
        parts = name.split("/")
        if len(parts) != 3 or not name.startswith(_PREFIX):
            return None
        folder = self._projects().get(parts[1])
        files = self._files(self._entries(folder).get(parts[2], [])) if folder else []
        return FoundContext(name, files) if files else None

    def _projects(self) -> dict[str, str]:
        """Maps the part of a context's name that stands for a project to the name of the project's folder."""
        entries = (each for top in ("tmp", "history") for each in self._list(top))
        folders = (entry.name for entry in entries if is_folder(entry, follow=True) and entry.name != _PROGRAMS)
        return {part_of(name): name for name in folders}

    def _entries(self, folder: str) -> dict[str, list[FoundEntry]]:
        """Maps the name of each context of a project to the entries of its files."""
        found: dict[str, list[FoundEntry]] = {}
        owners: dict[str, str] = {}
        for entry in sorted(self._list("tmp", folder, "chats"), key=lambda entry: entry.name):
            if _is_session(entry.name):
                name = name_of(entry.name.rpartition(".")[0])
                found.setdefault(name, []).append((f"tmp/{folder}/chats/{entry.name}", entry, True))
                owners.setdefault(name[:8], name)
        for key, session, entry in self._beside(folder):
            # The oldest session of an id owns these files. A later one is the rest of a resumed session.
            name = owners.get(short_id(session)) or part_of(session)
            found.setdefault(name, []).append((key, entry, key.split("/")[2] not in _BY_SESSION))
        if shared := [*self._shared(folder), *self._history(folder)]:
            found.setdefault(PROJECT + self.suffix, []).extend(shared)
        return found

    def _beside(self, folder: str) -> Iterator[tuple[str, str, FolderEntry]]:
        """Lists the files beside sessions' own files, each with its key and the session's id."""
        for entry in self._list("tmp", folder):
            if _ID.fullmatch(entry.name):
                yield f"tmp/{folder}/{entry.name}", entry.name, entry
        for entry in self._list("tmp", folder, "chats"):
            if is_folder(entry, follow=True):
                yield f"tmp/{folder}/chats/{entry.name}", entry.name, entry
        for place in ("logs", "tool-outputs"):
            for entry in self._list("tmp", folder, place):
                if entry.name.startswith(PREFIX):
                    session = entry.name.removeprefix(PREFIX).partition(".")[0]
                    yield f"tmp/{folder}/{place}/{entry.name}", session, entry

    def _shared(self, folder: str) -> Iterator[FoundEntry]:
        """Lists files that sessions share: prompts, saved chats, checkpoints, memories, old tool outputs."""
        for entry in self._list("tmp", folder):
            name = entry.name
            if (name not in _BY_SESSION or not is_folder(entry)) and not _ID.fullmatch(name):
                is_saved = name.startswith("checkpoint-") and name.endswith(".json")
                yield f"tmp/{folder}/{name}", entry, name in _STATE or is_saved
        for entry in self._list("tmp", folder, "chats"):
            if not _is_session(entry.name) and not is_folder(entry, follow=True):
                yield f"tmp/{folder}/chats/{entry.name}", entry, True
        for place in ("logs", "tool-outputs"):
            for entry in self._list("tmp", folder, place):
                if not entry.name.startswith(PREFIX):
                    yield f"tmp/{folder}/{place}/{entry.name}", entry, False

    def _history(self, folder: str) -> Iterator[FoundEntry]:
        """Lists the git repository with the project's files before each tool ran."""
        for entry in self._list("history", folder):
            yield f"history/{folder}/{entry.name}", entry, False

    def _list(self, *parts: str) -> list[FolderEntry]:
        return list_folder(os.path.join(self.path, *parts), self.report)

    def _files(self, entries: list[FoundEntry]) -> list[FoundFile]:
        files = (file for key, entry, state in entries for file in take(entry, key, self.report, state=state))
        return self._sorted(files)

    def _home_files(self) -> list[FoundFile]:
        named = take_named(self.path, _NAMED.__contains__, self.report)
        return self._sorted([*named, *self._extension_files(), *self._beside_projects()])

    def _beside_projects(self) -> Iterator[FoundFile]:
        """Lists the files beside projects' folders."""
        for top in ("tmp", "history"):
            for entry in self._list(top):
                if entry.name == _PROGRAMS and is_folder(entry, follow=True):
                    self.report(Skipped(entry.path, "programs that Gemini CLI downloads", failed=False))
                elif not is_folder(entry, follow=True):
                    yield from take(entry, f"{top}/{entry.name}", self.report)

    def _sorted(self, files: Iterable[FoundFile]) -> list[FoundFile]:
        """Sorts files by key, without the user's accounts and keys."""
        return sorted((file for file in files if not self._is_left_out(file)), key=by_key)

    def _is_left_out(self, file: FoundFile) -> bool:
        why = "holds secrets" if _is_account(os.path.basename(file.key)) else ""
        if why and not stat.S_ISDIR(file.stat.st_mode):
            self.report(Skipped(file.path, why, failed=False))
        return bool(why) and not stat.S_ISDIR(file.stat.st_mode)

    def _extension_files(self) -> Iterator[FoundFile]:
        """Lists the files that name the installed extensions and their origins. Gemini CLI can download them again."""
        for entry in self._list(_EXTENSIONS):
            key = f"{_EXTENSIONS}/{entry.name}"
            found = []
            if entry.name == "extension-enablement.json":
                found.append(look_at(entry, key, self.report))
            elif is_folder(entry):
                inside = (each for each in self._list(_EXTENSIONS, entry.name) if each.name in _EXTENSION_FILES)
                found += [look_at(each, f"{key}/{each.name}", self.report) for each in inside]
            yield from filter(None, found)


make_layout = GeminiLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns the key of a session's own file, or None if there is none. Of two forms, Gemini CLI resumes the newer,
    ``.jsonl``."""
    parts = context.split("/")
    if len(parts) != 3:
        return None
    stem = stem_of(parts[2])
    found = [key for key in keys if _is_transcript(key) and key.rpartition("/")[2].rpartition(".")[0] == stem]
    return max(found, default=None)  # .jsonl sorts after .json


def is_memory(key: str) -> bool:
    """Whether the file is one of the agent's memories, or contains the user's instructions."""
    parts = key.split("/")
    of_project = len(parts) > 3 and parts[0] == "tmp" and parts[2] == "memory"
    return key in _MEMORIES or parts[0] == "memory" or of_project


def _is_transcript(key: str) -> bool:
    parts = key.split("/")
    return len(parts) == 4 and parts[0] == "tmp" and parts[2] == "chats" and _is_session(parts[3])


def _is_session(name: str) -> bool:
    return name.startswith(PREFIX) and name.endswith(ENDINGS)


def _is_account(name: str) -> bool:
    return name in _ACCOUNTS or name.endswith(".key")
