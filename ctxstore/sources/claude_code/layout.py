"""Claude Code's home: projects with their sessions and memories, and the files that belong to the user.

Tens of thousands of sessions must be listed in a fraction of a second. So every folder is listed once, and each session
is looked up in these lists. What lies in the sessions' folders and belongs to no session is listed among the user's
files. Entries of the home itself are listed if their names are known. Unknown ones are reported, and known caches, logs
and credentials are left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import SECRETS, by_key, is_folder, list_folder, look_at, may_hold_credentials, take

_PREFIX = "claude-code/"
HOME = _PREFIX + "home"
MEMORY = "memory"
"""The folder of a project's memories, beside the sessions. Their context has the same name."""

_INSTRUCTIONS = "CLAUDE.md"
_AGENT_MEMORY = "agent-memory"
"""The folder of what subagents remember, for all projects."""

_NAMED = frozenset(
    {_INSTRUCTIONS, "history.jsonl", "keybindings.json", "settings.json", "settings.local.json", _AGENT_MEMORY}
    | {"agents", "commands", "hooks", "output-styles", "plans", "rules", "skills", "teams", "themes", "workflows"}
)
_PLUGINS = "plugins"
_PLUGIN_FILES = frozenset({"config.json", "installed_plugins.json", "known_marketplaces.json"})
_PROJECTS = "projects"
_HISTORY = "file-history"
_BESIDE = (_HISTORY, "tasks", "todos")
"""The folders whose entries are named after sessions."""

_LEFT_OUT = frozenset(
    {"backups", "cache", "chrome", "debug", "downloads", "ide", "image-cache", "local", "logs", "paste-cache"}
    | {"session-env", "sessions", "shell-snapshots", "stats-cache.json", "statsig", "telemetry", "uploads"}
    | {"mcp-needs-auth-cache.json", "policy-limits.json", "remote-settings.json", "usage-data", ".claude.json"}
)
"""Caches, logs and the state of running programs, which docs/sources.md names."""

_SUBAGENT = "agent-"
_SESSION_ID = b'"sessionId":"'
_HEAD = 1 << 14
"""The bytes of a subagent's first line that can contain its session: the first keys, before any content."""

FolderEntry = os.DirEntry[str]
Beside = Sequence[tuple[str, FolderEntry]]
"""Entries of the folders beside ``projects``, with their keys."""


class _Project(NamedTuple):
    """A project's entries: those of each session, and those that belong to none."""

    sessions: dict[str, list[FolderEntry]]
    others: list[FolderEntry]


class ClaudeLayout(AgentLayout):
    """Lists the folder ``.claude``."""

    def __init__(self, path: str, suffix: str, report: ReportSkipped) -> None:
        super().__init__(path, suffix, report)
        self._listed: dict[str, _Project] = {}

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the context of the user's files."""
        return {HOME: self._home_files}

    def sessions(self) -> Iterator[FoundContext]:
        """Lists sessions and memories, in the order of their projects and names."""
        beside = self._beside
        for project in self._projects():
            sessions = self._list_project(project).sessions
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
        entries = self._list_project(project).sessions.get(session) if project else None
        if not project or not entries:
            return None
        files = self._files(project.name, session, entries, self._beside.get(session, ()))
        return FoundContext(name, files) if files else None

    @cached_property
    def _below_projects(self) -> list[FolderEntry]:
        return sorted(list_folder(os.path.join(self.path, _PROJECTS), self.report), key=lambda entry: entry.name)

    def _projects(self) -> list[FolderEntry]:
        return [entry for entry in self._below_projects if is_folder(entry, follow=True)]

    def _list_project(self, project: FolderEntry) -> _Project:
        """Groups a project's entries by session: transcripts, folders, and transcripts of subagents."""
        if project.name in self._listed:
            return self._listed[project.name]
        found = self._listed[project.name] = _Project({}, [])
        for entry in list_folder(project.path, self.report):
            name = entry.name
            if name.endswith(".jsonl") and name[:-6].strip("."):
                session = name[:-6]
                if name.startswith(_SUBAGENT):
                    session = _owner_of(entry.path) or session
            elif is_folder(entry, follow=True):
                session = name
            else:
                found.others.append(entry)
                continue
            found.sessions.setdefault(session, []).append(entry)
        return found

    @cached_property
    def _beside(self) -> dict[str, list[tuple[str, FolderEntry]]]:
        """Maps each session to its entries in the folders beside ``projects``, each with its key."""
        beside: dict[str, list[tuple[str, FolderEntry]]] = {}
        for folder in _BESIDE:
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
        files = [*self._plugin_files(), *self._files_of_no_session()]
        for entry in list_folder(self.path, self.report):
            if entry.name in _NAMED:
                files += take(entry, entry.name, self.report)
            elif not _is_left_out(entry.name):
                reason = f"unknown, so it is not saved; to save it: ctx snapshot {entry.path}"
                self.report(Skipped(entry.path, reason, failed=False))
        return sorted(files, key=by_key)

    def _files_of_no_session(self) -> Iterator[FoundFile]:
        """Lists what lies in the folders of sessions and belongs to none of them."""
        known: set[str] = set()
        for entry in self._below_projects:
            if not is_folder(entry, follow=True):
                yield from take(entry, f"{_PROJECTS}/{entry.name}", self.report)
                continue
            project = self._list_project(entry)
            known.update(project.sessions)
            for other in project.others:
                yield from take(other, f"{_PROJECTS}/{entry.name}/{other.name}", self.report)
        for session, entries in self._beside.items():
            for key, entry in entries if session not in known else ():
                yield from take(entry, key, self.report, state=not key.startswith(_HISTORY + "/"))

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
    """Returns ``projects/<project>/<session>.jsonl`` if it is one of `keys`, else None."""
    parts = context.split("/")
    if len(parts) != 3 or parts[2].partition(".")[0] == MEMORY:
        return None
    key = f"projects/{parts[1]}/{parts[2]}.jsonl"
    return key if key in keys else None


def is_memory(key: str) -> bool:
    """Whether the file belongs to a project's memories or a subagent's, or contains the user's instructions."""
    parts = key.split("/", 3)
    is_project_memory = len(parts) == 4 and parts[0] == _PROJECTS and parts[2] == MEMORY
    return is_project_memory or key == _INSTRUCTIONS or key.startswith(_AGENT_MEMORY + "/")


def _is_left_out(name: str) -> bool:
    """Whether an entry of the home is skipped without a report. Hidden files are time stamps and locks."""
    is_listed_elsewhere = name in (_PROJECTS, _PLUGINS, *_BESIDE)
    return is_listed_elsewhere or name in _LEFT_OUT or name in SECRETS or name.startswith(".")


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
    """Returns the session in the name ``<session>.json`` or ``<session>-agent-<agent>.json`` of a file in ``todos``."""
    return name.removesuffix(".json").partition("-agent-")[0]
