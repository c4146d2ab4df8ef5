"""Where Cline and Roo Code keep what belongs to a task: the same way, one being made from the other.

Tens of thousands of tasks must be listed in a fraction of a second: nothing is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import by_key, list_folder, take

HISTORY = "api_conversation_history.json"
"""The messages as the model is sent them."""
WINDOW = ("ui_messages.json", "claude_messages.json")
"""What the window shows, under its new and its old name: read where there is no `HISTORY`."""

HOME = "home"
TASKS, SESSIONS = "tasks", "sessions"

_TASK = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
"""Ids of tasks. All have a digit in them, so none is `HOME`."""

_LEFT_OUT = re.compile(r"checkpoints|.*\.lock|\..*\.new_.*\.tmp")
"""In a task's folder: copies of the project's files, and what is there only while a file is written."""

FolderEntry = os.DirEntry[str]


class TaskShape(NamedTuple):
    """What sets the two apart: the source's name, and what of a root is taken besides tasks, as paths below it."""

    source: str
    files: tuple[str, ...]
    folders: tuple[str, ...]
    secrets: frozenset[str] = frozenset()


class TaskLayout:
    """One look at one root, whose contexts are ``<source>/<group>/…``."""

    def __init__(self, shape: TaskShape, path: str, group: str, report: ReportSkipped) -> None:
        self._shape = shape
        self._path = path
        self._prefix = f"{shape.source}/{group}/"
        self._report = report

    def contexts(self) -> Iterator[FoundContext]:
        """The home first, then the tasks in the order of their names."""
        home = self._home()
        if home:
            yield FoundContext(self._prefix + HOME, home)
        tasks = self._tasks()
        for task in sorted(tasks):
            files = self._files(tasks[task])
            if files:
                yield FoundContext(self._prefix + task, files)

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`."""
        task = name.removeprefix(self._prefix)
        if task == name:
            return None
        files = self._home() if task == HOME else self._files(self._tasks().get(task, []))
        return FoundContext(name, files) if files else None

    def _tasks(self) -> dict[str, list[tuple[str, FolderEntry]]]:
        """The folders of each task, with their keys. One that is in both places is one task."""
        tasks: dict[str, list[tuple[str, FolderEntry]]] = {}
        for place in (SESSIONS, TASKS):
            for entry in list_folder(os.path.join(self._path, place), self._report):
                if not _is_folder(entry):
                    continue
                if _TASK.fullmatch(entry.name):
                    tasks.setdefault(entry.name, []).append((f"{place}/{entry.name}", entry))
                elif not _LEFT_OUT.fullmatch(entry.name):
                    self._report(Skipped(entry.path, "not named like a task", failed=False))
        return tasks

    def _files(self, folders: list[tuple[str, FolderEntry]]) -> list[FoundFile]:
        files: list[FoundFile] = []
        for key, folder in folders:
            for entry in list_folder(folder.path, self._report):
                if not _LEFT_OUT.fullmatch(entry.name):
                    self._add(files, f"{key}/{entry.name}", entry)
        files.sort(key=by_key)
        return files

    def _add(self, files: list[FoundFile], key: str, entry: FolderEntry) -> None:
        files += take(entry, key, self._report)

    def _home(self) -> list[FoundFile]:
        """Settings, rules, and the list of tasks: what is named, and nothing else."""
        files: list[FoundFile] = []
        for path in (*self._shape.files, *self._shape.folders):
            parent, _, name = path.rpartition("/")
            for entry in list_folder(os.path.join(self._path, parent), self._report):
                if entry.name == name:
                    self._add(files, path, entry)
        files = [file for file in files if os.path.basename(file.key) not in self._shape.secrets]
        files.sort(key=by_key)
        return files


def transcript_of(context: str, keys: set[str]) -> str | None:
    """The key of a task's messages, among `keys`."""
    parts = context.split("/")
    if len(parts) != 3 or parts[2] == HOME:
        return None
    task = parts[2]
    # The newer Cline goes on with old tasks there.
    names = [f"{SESSIONS}/{task}/{task}.messages.json", f"{TASKS}/{task}/{HISTORY}"]
    names += [f"{TASKS}/{task}/{name}" for name in WINDOW]
    return next((name for name in names if name in keys), None)


def _is_folder(entry: FolderEntry) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
