"""Which folder Gemini CLI keeps a project in: ``projects.json``, and a mark in each folder of whose it is.

A project gets the first free name made of its own, and keeps it. What is listed here is added in the same way, under
the same lock; other entries stay.
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
from ctxstore.sources.document.members import members, text_of
from ctxstore.sources.document.session_list import find_list, read_list, replace_list

LIST = "projects.json"
MARK = ".project_root"
_STALE = 10
"""Seconds after which Gemini CLI takes a lock for left over."""
_BLANK = b'{\n  "projects": {}\n}'


def folder_of(root: str, project: str) -> str | None:
    """The folder that the agent at `root` keeps `project` in; ``None`` if it doesn't know it yet."""
    return _load(root).get(project)


def free_folder(root: str, project: str) -> str:
    """The name Gemini CLI would give a project it doesn't know. Without a `root`, of the first."""
    name = re.sub(r"[^a-z0-9]+", "-", os.path.basename(project).lower()).strip("-") or "project"
    taken = set(_load(root).values()) if root else set()
    number = 0
    while True:
        folder = f"{name}-{number}" if number else name
        if folder not in taken and not (root and is_anothers(root, folder, project)):
            return folder
        number += 1


def is_anothers(root: str, folder: str, project: str) -> bool:
    """Whether the folder is marked as another project's."""
    marks = (_read(os.path.join(root, top, folder, MARK)) for top in ("tmp", "history"))
    return any(mark is not None and mark.strip() != project for mark in marks)


class ProjectEntry(NamedTuple):
    """A project's entry in the list of projects: a `Registration`."""

    project: str
    folder: str

    @property
    def path(self) -> str:
        """The list."""
        return LIST

    @property
    def what(self) -> str:
        """For a person."""
        return f"{self.project} is kept in {self.folder!r}"

    def is_there(self, root: str) -> bool:
        """Whether Gemini CLI looks for the project there."""
        return folder_of(root, self.project) == self.folder and not is_anothers(root, self.folder, self.project)

    def apply(self, root: str) -> None:
        """Add it, with the other entries as they are. Raises `Conflict`, `StorageError`."""
        path = os.path.realpath(os.path.join(root, LIST))
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with _locked(path):
                before = find_list(path)
                data = read_list(path) if before else b""
                changed = self._added(root, path, data if data.strip() else _BLANK)
                if changed != data:
                    replace_list(path, changed, before)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error

    def _added(self, root: str, path: str, data: bytes) -> bytes:
        try:
            there = json.loads(_text(data)).setdefault("projects", {}).setdefault(self.project, None)
        except (ValueError, RecursionError, AttributeError, TypeError) as error:
            raise Conflict(f"{path} is no list of projects", hint="move it away: Gemini CLI makes a new one") from error
        if there not in (None, self.folder) or is_anothers(root, self.folder, self.project):
            raise Conflict(f"Gemini CLI keeps {self.project} in {there!r}, or {self.folder!r} for another project")
        return data if there else _with_member(data, self.project, self.folder)


def _with_member(data: bytes, project: str, folder: str) -> bytes:
    """The list with one more project, after the others, whose text stays."""
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
    """Gemini CLI's own lock: a folder beside the list."""
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


def _load(root: str) -> dict[str, str]:
    try:
        projects = json.loads(_read(os.path.join(root, LIST)) or "{}").get("projects")
    except (ValueError, RecursionError, AttributeError):
        return {}
    known = projects.items() if isinstance(projects, dict) else ()
    return {path: folder for path, folder in known if isinstance(folder, str)}


def _read(path: str) -> str | None:
    try:
        return _text(read_list(path))
    except (OSError, StorageError):
        return None


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")
