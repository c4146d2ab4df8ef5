"""Claude Code's home: projects with their sessions and memories, and the files that belong to the user.

Tens of thousands of sessions must be listed in a fraction of a second. So every folder is listed once, and each session
is looked up in these lists. Of the user's files only those named here are listed. Credentials, caches and logs are not.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile, Skipped
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, may_hold_credentials, take, take_named

_PREFIX = "claude-code/"
HOME = _PREFIX + "home"
MEMORY = "memory"
"""The folder of a project's memories, beside the sessions. Their context has the same name."""

_INSTRUCTIONS = "CLAUDE.md"
_NAMED = frozenset(
    {_INSTRUCTIONS, "history.jsonl", "settings.json", "settings.local.json"}
    | {"agents", "commands", "output-styles", "plans", "rules", "skills"}
)
_PLUGINS = "plugins"
_PLUGIN_FILES = frozenset({"config.json", "installed_plugins.json", "known_marketplaces.json"})
_HISTORY = "file-history"

_SUBAGENT = "agent-"
_SESSION_ID = b'"sessionId":"'
_HEAD = 1 << 14
"""The bytes of a subagent's first line that can contain its session: the first keys, before any content."""

FolderEntry = os.DirEntry[str]
Beside = Sequence[tuple[str, FolderEntry]]
"""Entries of the folders beside ``projects``, with their keys."""


class ClaudeLayout(AgentLayout):
    """Lists the folder ``.claude``."""

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the context of the user's files."""
        return {HOME: self._home_files}

    def sessions(self) -> Iterator[FoundContext]:
        """Lists sessions and memories, in the order of their projects and names."""
        beside = self._beside()
        for project in self._projects():
            sessions = self._sessions(project)
            for session in sorted(sessions):
                files = self._files(project.name, session, sessions[session], beside.get(session, ()))
                if files:
                    suffix = self.suffix if session == MEMORY else ""
                    yield FoundContext(f"{_PREFIX}{project.name}/{session}{suffix}", files)

    def find_session(self, name: str) -> FoundContext | None:
        """Finds a session, or a project's memories. Of the projects, only this one is listed."""
        parts = name.split("/")
        if len(parts) != 3 or not name.startswith(_PREFIX):
            return None
        session = MEMORY if parts[2] == MEMORY + self.suffix else parts[2]
        project = next((each for each in self._projects() if each.name == parts[1]), None)
        entries = self._sessions(project).get(session) if project else None
        if not project or not entries:
            return None
        files = self._files(project.name, session, entries, self._beside().get(session, ()))
        return FoundContext(name, files) if files else None

    def _projects(self) -> list[FolderEntry]:
        entries = list_folder(os.path.join(self.path, "projects"), self.report)
        return sorted((entry for entry in entries if is_folder(entry, follow=True)), key=lambda entry: entry.name)

    def _sessions(self, project: FolderEntry) -> dict[str, list[FolderEntry]]:
        """Groups a project's entries by session: transcripts, folders, and transcripts of subagents."""
        sessions: dict[str, list[FolderEntry]] = {}
        for entry in list_folder(project.path, self.report):
            name = entry.name
            if name.endswith(".jsonl"):
                session = name[:-6]
                if name.startswith(_SUBAGENT):
                    session = _owner_of(entry.path) or session
            elif is_folder(entry, follow=True):
                session = name
            else:
                continue
            sessions.setdefault(session, []).append(entry)
        return sessions

    def _beside(self) -> dict[str, list[tuple[str, FolderEntry]]]:
        """Groups the entries of the folders beside ``projects`` by session, each with its key."""
        beside: dict[str, list[tuple[str, FolderEntry]]] = {}
        for folder in (_HISTORY, "tasks", "todos"):
            for entry in list_folder(os.path.join(self.path, folder), self.report):
                session = entry.name if folder != "todos" else _todo_owner(entry.name)
                beside.setdefault(session, []).append((f"{folder}/{entry.name}", entry))
        return beside

    def _files(self, project: str, session: str, entries: list[FolderEntry], beside: Beside) -> list[FoundFile]:
        files: list[FoundFile] = []
        transcript = session + ".jsonl"
        for entry in entries:
            is_state = entry.name == transcript or session == MEMORY
            files += take(entry, f"projects/{project}/{entry.name}", self.report, state=is_state)
        for key, entry in beside:
            files += take(entry, key, self.report, state=not key.startswith(_HISTORY + "/"))
        if len(files) > 1:
            files.sort(key=by_key)
        return files

    def _home_files(self) -> list[FoundFile]:
        files = take_named(self.path, _NAMED.__contains__, self.report)
        return sorted([*files, *self._plugin_files()], key=by_key)

    def _plugin_files(self) -> Iterator[FoundFile]:
        """Lists the files that name the installed plugins. Claude Code can download the plugins again."""
        for entry in list_folder(os.path.join(self.path, _PLUGINS), self.report):
            file = look_at(entry, f"{_PLUGINS}/{entry.name}", self.report) if entry.name in _PLUGIN_FILES else None
            if file is None or not stat.S_ISREG(file.stat.st_mode):
                continue
            if may_hold_credentials(file):
                reason = "may hold credentials, or is too large for a list of plugins"
                self.report(Skipped(file.path, reason, failed=False))
            else:
                yield file


make_layout = ClaudeLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns ``projects/<project>/<session>.jsonl`` if it is one of `keys`."""
    parts = context.split("/")
    if len(parts) != 3 or parts[2].partition(".")[0] == MEMORY:
        return None
    key = f"projects/{parts[1]}/{parts[2]}.jsonl"
    return key if key in keys else None


def is_memory(key: str) -> bool:
    """Whether the file belongs to a project's memories, or contains the user's instructions."""
    parts = key.split("/", 3)
    return key == _INSTRUCTIONS or (len(parts) == 4 and parts[0] == "projects" and parts[2] == MEMORY)


def _owner_of(path: str) -> str | None:
    """Returns the session in the first line of a subagent's transcript. Returns ``None`` if it names none.

    Old versions kept these transcripts beside the sessions.
    """
    try:
        with open(path, "rb", buffering=0) as file:
            line = file.read(_HEAD).partition(b"\n")[0]
    except OSError:
        return None
    _, found, rest = line.partition(_SESSION_ID)
    value, closed, _ = rest.partition(b'"')
    plain = value.replace(b"-", b"").replace(b"_", b"")
    # The id becomes a part of a context's name, so only letters, digits, - and _ are allowed.
    return value.decode("ascii") if found and closed and plain.isalnum() and value.isascii() else None


def _todo_owner(name: str) -> str:
    """Returns the session of ``todos/<session>.json`` or ``todos/<session>-agent-<agent>.json``."""
    return name.removesuffix(".json").partition("-agent-")[0]
