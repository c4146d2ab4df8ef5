"""The homes of Cline and Roo Code: tasks, and the files that belong to the user.

Tens of thousands of tasks must be listed in a fraction of a second: no file is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ctxstore.sources.layout import GroupedLayout, KeyedEntry, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, Skipped
from ctxstore.sources.unclaimed import take_unclaimed
from ctxstore.sources.walk import by_key, is_folder, list_folder, take

if TYPE_CHECKING:
    from ctxstore.sources.editors import TaskShape

HISTORY = "api_conversation_history.json"
"""The messages as the model is sent them."""
WINDOW = ("ui_messages.json", "claude_messages.json")
"""The messages as the window shows them, under its new and its old name: read where there is no `HISTORY`."""

HOME = "home"
TASKS, SESSIONS = "tasks", "sessions"

_TASK = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
"""Ids of tasks. All have a digit in them, so none is `HOME`."""

CHECKPOINTS = "checkpoints"
"""Left out of a task's folder: git repositories with copies of the project's files."""

_UNFINISHED = re.compile(r"\..*\.new_.*\.tmp")
"""Files that exist only while another is written."""


class TaskLayout(GroupedLayout[KeyedEntry]):
    """Lists one home, whose contexts' names begin with `prefix`."""

    def __init__(self, shape: TaskShape, path: str, prefix: str, report: ReportSkipped) -> None:
        super().__init__(path, "", report)
        self._shape = shape
        self._prefix = prefix
        self._checkpoints = 0

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the tasks, and reports once what is left out of all of them."""
        self._checkpoints = 0
        yield from super().sessions()
        if self._checkpoints:
            reason = f"{CHECKPOINTS} of {self._checkpoints} tasks: git repositories of the project's files"
            self.report(Skipped(os.path.join(self.path, TASKS), reason, failed=False))

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {self._prefix + HOME: self._home_files}

    def group_entries(self) -> Mapping[str, list[KeyedEntry]]:
        """Returns the folders of each task, with their keys. A task may have a folder in both places."""
        tasks: dict[str, list[KeyedEntry]] = {}
        for place in (SESSIONS, TASKS):
            for entry in list_folder(os.path.join(self.path, place), self.report):
                if _is_task(entry):
                    task = tasks.setdefault(self._prefix + entry.name, [])
                    task.append(KeyedEntry(f"{place}/{entry.name}", entry))
        return tasks

    def list_files(self, entries: list[KeyedEntry]) -> list[FoundFile]:
        """Returns the files of a task."""
        files: list[FoundFile] = []
        for key, folder in entries:
            for entry in list_folder(folder.path, self.report):
                if entry.name == CHECKPOINTS and is_folder(entry):
                    self._checkpoints += 1
                else:
                    files += self._take(entry, f"{key}/{entry.name}")
        files.sort(key=by_key)
        return files

    def _take(self, entry: os.DirEntry[str], key: str) -> list[FoundFile]:
        if not _UNFINISHED.fullmatch(entry.name) or is_folder(entry):
            return take_unclaimed(entry, key, self.report)
        self.report(Skipped(entry.path, "unfinished", failed=False))
        return []

    def _beside_tasks(self) -> Iterator[FoundFile]:
        """Yields the files beside tasks that are none."""
        for place in (SESSIONS, TASKS):
            for entry in list_folder(os.path.join(self.path, place), self.report):
                key = f"{place}/{entry.name}"
                if not _is_task(entry) and key not in self._shape.files:
                    yield from self._take(entry, key)

    def _home_files(self) -> list[FoundFile]:
        """Returns settings and rules, which are named, and the list of tasks with whatever else is beside them."""
        files = list(self._beside_tasks())
        for path in (*self._shape.files, *self._shape.folders):
            parent, _, name = path.rpartition("/")
            for entry in list_folder(os.path.join(self.path, parent), self.report):
                if entry.name == name:
                    files += take(entry, path, self.report)
        files = [file for file in files if not self._is_secret(file)]
        files.sort(key=by_key)
        return files

    def _is_secret(self, file: FoundFile) -> bool:
        if os.path.basename(file.key) not in self._shape.secrets:
            return False
        self.report(Skipped(file.path, "holds secrets", failed=False))
        return True


def _is_task(entry: os.DirEntry[str]) -> bool:
    return _TASK.fullmatch(entry.name) is not None and is_folder(entry)


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns the key of a task's messages if it is one of `keys`, else None."""
    parts = context.split("/")
    if len(parts) != 3 or parts[2] == HOME:
        return None
    task = parts[2]
    # The newer Cline continues old tasks in this file.
    names = [f"{SESSIONS}/{task}/{task}.messages.json", f"{TASKS}/{task}/{HISTORY}"]
    names += [f"{TASKS}/{task}/{name}" for name in WINDOW]
    there = set(keys)
    return next((name for name in names if name in there), None)


def is_memory(key: str) -> bool:
    """Whether the file is a rule that the agent follows in every task."""
    return key.split("/", 1)[0].lower().startswith("rules")
