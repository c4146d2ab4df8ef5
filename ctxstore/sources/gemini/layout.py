"""Where Gemini CLI keeps what belongs to a session.

Below ``tmp/`` and ``history/`` each project has a folder, named by Gemini CLI when it first meets the project; it
stays when the project is moved. Every folder is read once, and the sessions' files are not opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.gemini.home import MEMORIES, home_files, is_kept_out
from ctxstore.sources.gemini.names import ENDINGS, PREFIX, name_of, part_of, short_id, stem_of
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

_PREFIX = "gemini/"
HOME = _PREFIX + "home"
PROJECT = "project"
"""The name of the context that has what all sessions of a project share."""

_BY_SESSION = frozenset({"chats", "logs", "tool-outputs"})
_STATE = frozenset({".project_root", "logs.json", "shell_history", "memory", "plans", "tasks", "tracker"})
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")

FolderEntry = os.DirEntry[str]
FoundEntry = tuple[str, FolderEntry, bool]
"""A key, what lies there, and whether it is state."""


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """The key of a session's own file among `keys`. The newer of two forms is the one Gemini CLI goes on with."""
    parts = context.split("/")
    if len(parts) != 3:
        return None
    stem = stem_of(parts[2])
    there = [key for key in keys if _is_transcript(key) and key.rpartition("/")[2].rpartition(".")[0] == stem]
    return max(there, default=None)  # .jsonl is after .json


def _is_transcript(key: str) -> bool:
    parts = key.split("/")
    return len(parts) == 4 and parts[0] == "tmp" and parts[2] == "chats" and _is_session(parts[3])


def _is_session(name: str) -> bool:
    return name.startswith(PREFIX) and name.endswith(ENDINGS)


def is_memory(key: str) -> bool:
    """Whether the file is one of the agent's memories."""
    parts = key.split("/")
    of_project = len(parts) > 3 and parts[0] == "tmp" and parts[2] == "memory"
    return key in MEMORIES or parts[0] == "memory" or of_project


class GeminiLayout:
    """One look at the folder ``.gemini``: what is listed is listed once."""

    def __init__(self, path: str, label: str, report: ReportSkipped) -> None:
        self.path = path
        self.suffix = suffix_of(label, ".gemini")
        self.report = report

    def contexts(self) -> Iterator[FoundContext]:
        """All contexts: the home, then projects and their sessions, in the order of their names."""
        home = home_files(self.path, self.report)
        if home:
            yield FoundContext(HOME + self.suffix, home)
        for project, folder in sorted(self._projects().items()):
            places = self._places(folder)
            for name in sorted(places):
                files = self._files(places[name])
                if files:
                    yield FoundContext(f"{_PREFIX}{project}/{name}", files)

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`."""
        files: list[FoundFile] = []
        parts = name.split("/")
        if name == HOME + self.suffix:
            files = home_files(self.path, self.report)
        elif len(parts) == 3 and name.startswith(_PREFIX):
            folder = self._projects().get(parts[1])
            files = self._files(self._places(folder).get(parts[2], [])) if folder else []
        return FoundContext(name, files) if files else None

    def _projects(self) -> dict[str, str]:
        """The names of projects' folders, by the part they are of contexts' names."""
        entries = (each for top in ("tmp", "history") for each in self._list(top))
        return {part_of(entry.name): entry.name for entry in entries if _is_folder(entry) and entry.name != "bin"}

    def _places(self, folder: str) -> dict[str, list[FoundEntry]]:
        """What lies in a project's folders, by context."""
        places: dict[str, list[FoundEntry]] = {}
        owners: dict[str, str] = {}
        for entry in sorted(self._list("tmp", folder, "chats"), key=_name):
            if _is_session(entry.name):
                name = name_of(entry.name.rpartition(".")[0])
                places.setdefault(name, []).append((f"tmp/{folder}/chats/{entry.name}", entry, True))
                owners.setdefault(name[:8], name)
        for key, session, entry in self._beside(folder):
            name = owners.get(short_id(session)) or part_of(session)
            places.setdefault(name, []).append((key, entry, key.split("/")[2] not in _BY_SESSION))
        shared = [*self._shared(folder), *self._history(folder)]
        if shared:
            places.setdefault(PROJECT + self.suffix, []).extend(shared)
        return places

    def _beside(self, folder: str) -> Iterator[tuple[str, str, FolderEntry]]:
        """What is kept beside sessions' own files: its key, the session's id, and the entry. The oldest session of an
        id has it: a later file of the same id is what is left of going on with it."""
        for entry in self._list("tmp", folder):
            if _ID.fullmatch(entry.name):
                yield f"tmp/{folder}/{entry.name}", entry.name, entry
        for entry in self._list("tmp", folder, "chats"):
            if _is_folder(entry):
                yield f"tmp/{folder}/chats/{entry.name}", entry.name, entry
        for place in ("logs", "tool-outputs"):
            for entry in self._list("tmp", folder, place):
                if entry.name.startswith(PREFIX):
                    session = entry.name.removeprefix(PREFIX).partition(".")[0]
                    yield f"tmp/{folder}/{place}/{entry.name}", session, entry

    def _shared(self, folder: str) -> Iterator[FoundEntry]:
        """What sessions of a project share: prompts, saved chats, checkpoints, memories, tool outputs of old."""
        for entry in self._list("tmp", folder):
            name = entry.name
            if name not in _BY_SESSION and not _ID.fullmatch(name):
                is_saved = name.startswith("checkpoint-") and name.endswith(".json")
                yield f"tmp/{folder}/{name}", entry, name in _STATE or is_saved
        for place in ("logs", "tool-outputs"):
            for entry in self._list("tmp", folder, place):
                if not entry.name.startswith(PREFIX):
                    yield f"tmp/{folder}/{place}/{entry.name}", entry, False

    def _history(self, folder: str) -> Iterator[FoundEntry]:
        """The project as it was before each tool ran: a repository of git's."""
        for entry in self._list("history", folder):
            yield f"history/{folder}/{entry.name}", entry, False

    def _list(self, *parts: str) -> list[FolderEntry]:
        return list_folder(os.path.join(self.path, *parts), self.report)

    def _files(self, places: list[FoundEntry]) -> list[FoundFile]:
        files: list[FoundFile] = []
        for key, entry, state in places:
            file = look_at(entry, key, self.report, state=state)
            if file is not None:
                files.append(file)
                if entry.is_dir(follow_symlinks=False):
                    files += walk(file.path, key + "/", self.report, state=state)
        files = [file for file in files if not is_kept_out(file)]
        files.sort(key=by_key)
        return files


def _is_folder(entry: FolderEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of symlinks
        return False


def _name(entry: FolderEntry) -> str:
    return entry.name
