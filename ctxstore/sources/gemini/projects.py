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

LIST = "projects.json"
MARK = ".project_root"
_STALE = 10
"""Seconds after which Gemini CLI takes a lock for left over."""
_MAX_SIZE = 16 << 20


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
        path = os.path.join(root, LIST)
        try:
            os.makedirs(root, mode=0o700, exist_ok=True)
            with _locked(path):
                self._add(root, path)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error

    def _add(self, root: str, path: str) -> None:
        text = _read(path)
        try:
            value = json.loads(text) if text and text.strip() else {"projects": {}}
            projects = value.setdefault("projects", {})
            there = projects.setdefault(self.project, self.folder)
        except (ValueError, RecursionError, AttributeError, TypeError) as error:
            raise Conflict(f"{path} is no list of projects", hint="move it away: Gemini CLI makes a new one") from error
        if there != self.folder or is_anothers(root, self.folder, self.project):
            raise Conflict(f"Gemini CLI keeps {self.project} in {there!r}, or {self.folder!r} for another project")
        _replace(path, json.dumps(value, indent=2, ensure_ascii=False))


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


def _replace(path: str, text: str) -> None:
    part = f"{path}.ctx-{os.getpid()}"
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", errors="surrogatepass") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        if os.path.lexists(part):
            os.unlink(part)
        raise


def _load(root: str) -> dict[str, str]:
    try:
        projects = json.loads(_read(os.path.join(root, LIST)) or "{}").get("projects")
    except (ValueError, RecursionError, AttributeError):
        return {}
    known = projects.items() if isinstance(projects, dict) else ()
    return {path: folder for path, folder in known if isinstance(folder, str)}


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_MAX_SIZE)
    except OSError:
        return None
