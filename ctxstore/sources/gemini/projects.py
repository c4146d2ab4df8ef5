"""Gemini CLI's list of projects, ``projects.json``, and the mark with the project's path in each project's folder.

A project gets the first free name made from its own, and keeps it. An entry is added here in the same way and under the
same lock. Other entries stay.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from ctxstore.errors import Conflict, StorageError
from ctxstore.sources.content import json_object
from ctxstore.sources.document.members import members, text_of
from ctxstore.sources.document.session_list import find_list, read_list, replace_list

LIST = "projects.json"
MARK = ".project_root"
_STALE = 10
"""The age in seconds at which Gemini CLI ignores a lock."""

_BLANK = b'{\n  "projects": {}\n}'


def folder_of(home: str, project: str) -> str | None:
    """Returns the folder of `project` in the list at `home`, or None if the list has no such project."""
    return _load(home).get(project)


def free_folder(home: str, project: str) -> str:
    """Returns the name of the folder that Gemini CLI would create for a new project. Without a `home`, every name is
    free."""
    name = re.sub(r"[^a-z0-9]+", "-", os.path.basename(project).lower()).strip("-") or "project"
    listed = set(_load(home).values()) if home else set()
    number = 0
    while True:
        folder = f"{name}-{number}" if number else name
        if folder not in listed and not (home and is_taken(home, folder, project)):
            return folder
        number += 1


def is_taken(home: str, folder: str, project: str) -> bool:
    """Whether the mark in the folder names another project."""
    marks = (_read(os.path.join(home, top, folder, MARK)) for top in ("tmp", "history"))
    return any(mark is not None and mark.strip() != project for mark in marks)


class ProjectEntry(NamedTuple):
    """An `IndexEntry`: a project in the list of projects."""

    project: str
    folder: str

    @property
    def path(self) -> str:
        """The list's path below the home."""
        return LIST

    @property
    def what(self) -> str:
        """A description for users."""
        return f"{self.project} is kept in {self.folder!r}"

    def is_there(self, home: str) -> bool:
        """Whether Gemini CLI finds the project in this folder."""
        return folder_of(home, self.project) == self.folder and not is_taken(home, self.folder, self.project)

    def apply(self, home: str) -> None:
        """Adds the entry. Other entries keep their text. Raises `Conflict`, `StorageError`."""
        path = os.path.realpath(os.path.join(home, LIST))
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with _locked(path):
                before = find_list(path)
                data = read_list(path) if before else b""
                changed = self._added(home, path, data if data.strip() else _BLANK)
                if changed != data:
                    replace_list(path, changed, before)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error

    def _added(self, home: str, path: str, data: bytes) -> bytes:
        try:
            known = json.loads(_decode(data)).setdefault("projects", {}).setdefault(self.project, None)
        except (ValueError, RecursionError, AttributeError, TypeError) as error:
            raise Conflict(f"{path} is no list of projects", hint="move it away: Gemini CLI makes a new one") from error
        if known not in (None, self.folder) or is_taken(home, self.folder, self.project):
            raise Conflict(f"Gemini CLI keeps {self.project} in {known!r}, or {self.folder!r} for another project")
        return data if known else _with_member(data, self.project, self.folder)


def _with_member(data: bytes, project: str, folder: str) -> bytes:
    """Adds a project after the others, whose text stays."""
    entry = ": ".join(json.dumps(text, ensure_ascii=False) for text in (project, folder))
    try:
        member = entry.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Conflict(f"{project!r} is no path that can be listed") from error
    found = {each.key: each for each in members(text_of(data))}.get("projects")
    if found is None:
        at = data.index(b"{") + 1
        comma = b"" if data[at:].strip() == b"}" else b","
        return data[:at] + b'\n  "projects": {\n    ' + member + b"\n  }" + comma + data[at:]
    inside = data[found.start + 1 : found.end]
    gap = inside[: len(inside) - len(inside.lstrip())]
    others = members(text_of(data[found.start : found.end]))
    if not others:
        return data[: found.start + 1] + b"\n    " + member + (gap or b"\n  ") + data[found.end - 1 :]
    at = found.start + others[-1].end
    return data[:at] + b"," + gap + member + data[at:]


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Acquires Gemini CLI's own lock: a folder beside the list."""
    lock = path + ".lock"
    try:
        if time.time() - os.stat(lock).st_mtime > _STALE:
            os.rmdir(lock)
    except FileNotFoundError:
        pass
    try:
        os.mkdir(lock, 0o700)
    except FileExistsError as error:
        raise Conflict(f"{path} is being changed by Gemini CLI", hint="try again") from error
    try:
        yield
    finally:
        os.rmdir(lock)


def _load(home: str) -> dict[str, str]:
    """Maps each project in the list to its folder. A list that cannot be read has no projects."""
    projects = json_object(_read(os.path.join(home, LIST)) or "").get("projects")
    known = projects.items() if isinstance(projects, dict) else ()
    return {path: folder for path, folder in known if isinstance(folder, str)}


def _read(path: str) -> str | None:
    try:
        return _decode(read_list(path))
    except (OSError, StorageError):
        return None


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
