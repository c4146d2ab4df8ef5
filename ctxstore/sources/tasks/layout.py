"""The homes of Cline and Roo Code: tasks, and the files that belong to the user.

Tens of thousands of tasks must be listed in a fraction of a second: no file is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ctxstore.sources.layout import GroupedLayout, KeyedEntry, ListFiles
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
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

_LEFT_OUT = re.compile(r"checkpoints|.*\.lock|\..*\.new_.*\.tmp")
"""Left out of a task's folder: copies of the project's files, and files that exist only while another is written."""


class TaskLayout(GroupedLayout[KeyedEntry]):
    """Lists one home, whose contexts' names begin with `prefix`."""

    def __init__(self, shape: TaskShape, path: str, prefix: str, report: ReportSkipped) -> None:
        super().__init__(path, "", report)
        self._shape = shape
        self._prefix = prefix

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {self._prefix + HOME: self._home_files}

    def group_entries(self) -> Mapping[str, list[KeyedEntry]]:
        """Returns the folders of each task, with their keys. A task may have a folder in both places."""
        tasks: dict[str, list[KeyedEntry]] = {}
        for place in (SESSIONS, TASKS):
            for entry in list_folder(os.path.join(self.path, place), self.report):
                if not is_folder(entry):
                    continue
                if _TASK.fullmatch(entry.name):
                    task = tasks.setdefault(self._prefix + entry.name, [])
                    task.append(KeyedEntry(f"{place}/{entry.name}", entry))
                elif not _LEFT_OUT.fullmatch(entry.name):
                    self.report(Skipped(entry.path, "not named like a task", failed=False))
        return tasks

    def list_files(self, entries: list[KeyedEntry]) -> list[FoundFile]:
        """Returns the files of a task."""
        files: list[FoundFile] = []
        for key, folder in entries:
            for entry in list_folder(folder.path, self.report):
                if not _LEFT_OUT.fullmatch(entry.name):
                    files += take(entry, f"{key}/{entry.name}", self.report)
        files.sort(key=by_key)
        return files

    def _home_files(self) -> list[FoundFile]:
        """Settings, rules, and the list of tasks: what is named, and nothing else."""
        files: list[FoundFile] = []
        for path in (*self._shape.files, *self._shape.folders):
            parent, _, name = path.rpartition("/")
            for entry in list_folder(os.path.join(self.path, parent), self.report):
                if entry.name == name:
                    files += take(entry, path, self.report)
        files = [file for file in files if os.path.basename(file.key) not in self._shape.secrets]
        files.sort(key=by_key)
        return files


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
