"""The files in an agent's folders that belong to no context.

Agents change where and how they keep sessions, and other tools put files beside theirs. So every file below a folder of
sessions or memories is saved, even if its format is unknown. A file that belongs to no session becomes a file of the
home.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence, Set

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import is_folder, is_repository, list_folder, look_at, take

LeftOut = Callable[[str], str]
"""A key → the reason why the file is not saved, by a documented rule; empty if it is saved."""

_LOCKS = (".lock", ".lck")
_DATABASE_PARTS = ("-wal", "-shm", "-journal")


def is_part_of(name: str, database: str) -> bool:
    """Whether a file is a part of the open database beside it: the copy of the database contains it."""
    return name in [database + part for part in _DATABASE_PARTS]


def why_left_out(key: str) -> str:
    """Returns the reason why a file that belongs to no context is not saved, or an empty string if it is saved. The
    rule is the same for all agents."""
    if key.endswith(_LOCKS):
        return "a lock"
    return "a part of an open database" if key.endswith(_DATABASE_PARTS) else ""


def take_unclaimed(entry: os.DirEntry[str], key: str, report: ReportSkipped) -> list[FoundFile]:
    """Returns an entry that no session has, and all below it if it is a folder.

    What is left out is reported. A lock may be a folder too.
    """
    if why := why_left_out(key):
        report(Skipped(entry.path, why, failed=False))
        return []
    return take(entry, key, report)


class ClaimedKeys:
    """The keys of the files that belong to contexts: maps each folder to the names in it."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {}

    def add(self, context: FoundContext) -> FoundContext:
        """Adds a context's keys, and returns the context."""
        for file in context.files:
            folder, _, name = file.key.rpartition("/")
            while folder not in self._names and folder:
                self._names[folder] = {name}
                folder, _, name = folder.rpartition("/")
            self._names.setdefault(folder, set()).add(name)
            if stat.S_ISDIR(file.stat.st_mode):
                self._names.setdefault(file.key, set())
        return context

    def list_others(
        self, home: str, folders: Sequence[str], left_out: LeftOut, report: ReportSkipped
    ) -> list[FoundFile]:
        """Returns the files and links below `folders` that belong to no context. Files that are not saved are reported.

        A link to a folder is followed only if a context contains files behind it.
        """
        found: list[FoundFile] = []
        pending = [folder for folder in folders if folder in self._names or not self._has(folder)]
        while pending:  # not recursive: folders may nest deeper than Python's stack
            folder = pending.pop()
            path = os.path.join(home, folder)
            claimed: Set[str] = self._names.get(folder, frozenset())
            pending += [key for name in claimed if (key := f"{folder}/{name}") in self._names]
            if _names_in(path) <= claimed:
                continue
            entries = list_folder(path, report)
            if is_repository(path, {entry.name for entry in entries}):
                report(Skipped(path, "a ctxstore repository", failed=False))
                continue
            for entry in entries:
                key = f"{folder}/{entry.name}"
                if entry.name not in claimed and is_folder(entry):
                    pending.append(key)
                elif entry.name not in claimed:
                    found += _look_at(entry, key, left_out, report)
        return found

    def _has(self, key: str) -> bool:
        folder, _, name = key.rpartition("/")
        return name in self._names.get(folder, ())


def _names_in(path: str) -> set[str]:
    """Returns the names in a folder; one that no file has, if they can't be read."""
    try:
        return set(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError:
        return {"/"}


def _look_at(entry: os.DirEntry[str], key: str, left_out: LeftOut, report: ReportSkipped) -> Iterable[FoundFile]:
    if reason := left_out(key):
        report(Skipped(entry.path, reason, failed=False))
        return ()
    file = look_at(entry, key, report)
    return (file,) if file and not stat.S_ISDIR(file.stat.st_mode) else ()


class ReportOnce:
    """Reports each path once, however often it is listed."""

    def __init__(self, report: ReportSkipped) -> None:
        self._report = report
        self._paths: set[str] = set()

    def __call__(self, skipped: Skipped) -> None:
        if skipped.path not in self._paths:
            self._paths.add(skipped.path)
            self._report(skipped)
