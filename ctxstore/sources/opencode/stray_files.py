"""The files in OpenCode's data folder that belong to no session: files that a migration left, and unknown ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterator

from ctxstore.sources.opencode.layout_files import (
    BESIDE,
    PROJECTS,
    STORAGE,
    OpenCodeFiles,
    folder_before_06,
    is_session_file,
    is_session_folder,
)
from ctxstore.sources.opencode.session_files import name_of
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import is_folder, take

_SHARED = frozenset({"session_share", "share"})
"""Folders with the keys that take a shared session back."""

_MADE = {"snapshot": "git repositories of a project's files", "log": "logs"}

Entry = os.DirEntry[str]


class StrayFiles:
    """Lists the files that `files` does not list. `in_database` contains the ids of the sessions in databases."""

    def __init__(self, files: OpenCodeFiles, in_database: Container[str], report: ReportSkipped) -> None:
        self._files = files
        self._in_database = in_database
        self._report = report

    def find(self) -> Iterator[FoundFile]:
        """Yields the files, in no order."""
        yield from self._take(STORAGE, _folders("session", "message", "part", *BESIDE))
        yield from self._take(f"{STORAGE}/session", is_folder)
        for project in filter(is_folder, self._files.list_folder(f"{STORAGE}/session")):
            yield from self._take(f"{STORAGE}/session/{project.name}", is_session_file)
        yield from self._take(f"{STORAGE}/message", is_session_folder)
        yield from self._take(f"{STORAGE}/part", _folders(*self._files.message_ids))
        for kind in BESIDE:
            yield from self._take(f"{STORAGE}/{kind}", self._is_of_session)
        yield from self._take(PROJECTS, is_folder)
        for project in filter(is_folder, self._files.list_folder(PROJECTS)):
            yield from self._before_06(project.name)

    def _before_06(self, project: str) -> Iterator[FoundFile]:
        yield from self._take(f"{PROJECTS}/{project}", _folders(STORAGE))
        yield from self._take(f"{PROJECTS}/{project}/{STORAGE}", _folders("session"))
        top = folder_before_06(project)
        yield from self._take(top, _folders("info", "message", "part"))
        yield from self._take(f"{top}/info", is_session_file)
        for kind in ("message", "part"):
            yield from self._take(f"{top}/{kind}", is_session_folder)

    def _take(self, folder: str, is_listed: Callable[[Entry], bool]) -> Iterator[FoundFile]:
        """Yields the entries of a folder and of its subfolders, except those that `files` lists."""
        for entry in self._files.list_folder(folder):
            if is_listed(entry):
                continue
            if reason := self._why_not(entry):
                self._report(Skipped(entry.path, reason, failed=False))
            else:
                yield from take(entry, f"{folder}/{entry.name}", self._report)

    def _is_of_session(self, entry: Entry) -> bool:
        id = name_of(entry.name)
        return id != entry.name and not is_folder(entry) and (id in self._in_database or self._files.is_session(id))

    def _why_not(self, entry: Entry) -> str:
        if entry.name in _SHARED:
            return "holds secrets"
        return _MADE.get(entry.name, "") if is_folder(entry) else ""


def _folders(*names: str) -> Callable[[Entry], bool]:
    known = frozenset(names)
    return lambda entry: entry.name in known and is_folder(entry)
