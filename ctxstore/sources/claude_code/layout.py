"""Where Claude Code keeps what belongs to a session.

Tens of thousands of sessions must be listed in a fraction of a second: every folder is read once, a session
is looked up in what those readings gave, and what is not asked for is not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ctxstore.sources.claude_code.home import home_files
from ctxstore.sources.claude_code.subagents import owner_of
from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped
from ctxstore.sources.walk import by_key, list_folder, take

_PREFIX = "claude-code/"
HOME = _PREFIX + "home"
MEMORY = "memory"
"""The folder beside a project's sessions that holds its memories, and its context's name."""

FolderEntry = os.DirEntry[str]
Beside = Sequence[tuple[str, FolderEntry]]
"""Entries of the folders kept beside ``projects``, with their keys."""


def transcript_key(context: str) -> str | None:
    """The key of a session's transcript, whether it is there or not; ``None`` if `context` is no session."""
    parts = context.split("/")
    return f"projects/{parts[1]}/{parts[2]}.jsonl" if len(parts) == 3 and parts[2].partition(".")[0] != MEMORY else None


def is_memory(key: str) -> bool:
    """Whether the file is one of the agent's memories."""
    parts = key.split("/", 3)
    return key == "CLAUDE.md" or (len(parts) == 4 and parts[0] == "projects" and parts[2] == MEMORY)


class ClaudeLayout:
    """One look at the folder ``.claude``: what is listed is listed once."""

    def __init__(self, path: str, label: str, report: ReportSkipped) -> None:
        self.path = path
        self.suffix = suffix_of(label, ".claude")
        self.report = report

    def contexts(self) -> Iterator[FoundContext]:
        """All contexts: the home, then projects and their sessions, in the order of their names."""
        home = home_files(self.path, self.report)
        if home:
            yield FoundContext(HOME + self.suffix, home)
        beside = self._beside()
        for project in self._projects():
            sessions = self._sessions(project)
            for session in sorted(sessions):
                files = self._files(project.name, session, sessions[session], beside.get(session, ()))
                if files:
                    suffix = self.suffix if session == MEMORY else ""
                    yield FoundContext(f"{_PREFIX}{project.name}/{session}{suffix}", files)

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`."""
        parts = name.split("/")
        files: list[FoundFile] = []
        if name == HOME + self.suffix:
            files = home_files(self.path, self.report)
        elif len(parts) == 3 and name.startswith(_PREFIX):
            project = next((p for p in self._projects() if p.name == parts[1]), None)
            session = MEMORY if parts[2] == MEMORY + self.suffix else parts[2]
            entries = self._sessions(project).get(session) if project else None
            if project and entries:
                files = self._files(project.name, session, entries, self._beside().get(session, ()))
        return FoundContext(name, files) if files else None

    def _projects(self) -> list[FolderEntry]:
        entries = list_folder(os.path.join(self.path, "projects"), self.report)
        return sorted((entry for entry in entries if _is_folder(entry)), key=_name)

    def _sessions(self, project: FolderEntry) -> dict[str, list[FolderEntry]]:
        """What lies in a project's folder, by session: transcripts, folders, transcripts of subagents."""
        sessions: dict[str, list[FolderEntry]] = {}
        for entry in list_folder(project.path, self.report):
            name = entry.name
            if name.endswith(".jsonl"):
                session = name[:-6]
                if name.startswith("agent-"):
                    session = owner_of(entry.path) or session
            elif _is_folder(entry):
                session = name
            else:
                continue
            sessions.setdefault(session, []).append(entry)
        return sessions

    def _beside(self) -> dict[str, list[tuple[str, FolderEntry]]]:
        """What lies in the folders kept beside ``projects``, by session, each with its key."""
        beside: dict[str, list[tuple[str, FolderEntry]]] = {}
        for folder in ("file-history", "tasks", "todos"):
            for entry in list_folder(os.path.join(self.path, folder), self.report):
                session = entry.name if folder != "todos" else _todo_owner(entry.name)
                beside.setdefault(session, []).append((f"{folder}/{entry.name}", entry))
        return beside

    def _files(self, project: str, session: str, entries: list[FolderEntry], beside: Beside) -> list[FoundFile]:
        files: list[FoundFile] = []
        transcript = session + ".jsonl"
        for entry in entries:
            own = entry.name == transcript or session == MEMORY
            self._add(files, f"projects/{project}/{entry.name}", entry, own)
        for key, entry in beside:
            self._add(files, key, entry, not key.startswith("file-history/"))
        if len(files) > 1:
            files.sort(key=by_key)
        return files

    def _add(self, files: list[FoundFile], key: str, entry: FolderEntry, state: bool) -> None:
        files += take(entry, key, self.report, state=state)


def _todo_owner(name: str) -> str:
    """The session of ``todos/<session>.json`` or ``todos/<session>-agent-<agent>.json``."""
    return name.removesuffix(".json").partition("-agent-")[0]


def _is_folder(entry: FolderEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a loop of symlinks
        return False


def _name(entry: FolderEntry) -> str:
    return entry.name
