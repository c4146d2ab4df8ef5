"""Where Codex keeps what belongs to a session.

Years of sessions must be listed in a fraction of a second: every folder is read once, and of a session only its own
files are looked at.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from ctxstore.sources.codex.home import home_files
from ctxstore.sources.codex.rollouts import ARCHIVED, PACKED, SESSIONS, rollout_of
from ctxstore.sources.context_names import suffix_of
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

HOME = "codex/home"
IMAGES = "generated_images"
_DEPTH = 3
"""Rollouts lie in a folder a day: year, month, day."""

FolderEntry = os.DirEntry[str]
Sessions = dict[str, dict[str, FolderEntry]]
"""The rollouts there are, by context and key."""


class CodexLayout:
    """One look at the folder ``.codex``: what is listed is listed once."""

    def __init__(self, path: str, label: str, report: ReportSkipped) -> None:
        self.path = path
        self.home = HOME + suffix_of(label, ".codex")
        self.report = report

    def contexts(self) -> Iterator[FoundContext]:
        """All contexts: sessions by day and id, then the home."""
        sessions: Sessions = {}
        self._add_day(sessions, SESSIONS, _DEPTH)
        self._add_day(sessions, ARCHIVED, 0)
        images = {entry.name: entry for entry in list_folder(os.path.join(self.path, IMAGES), self.report)}
        for name in sorted(sessions):
            files = self._files(sessions[name], images.get(name.rpartition("/")[2]))
            if files:
                yield FoundContext(name, files)
        home = home_files(self.path, self.report)
        if home:
            yield FoundContext(self.home, home)

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`; of the sessions only its day is listed, and what is archived."""
        if name == self.home:
            files = home_files(self.path, self.report)
            return FoundContext(name, files) if files else None
        _, _, rest = name.partition("/")
        day, _, thread = rest.partition("/")
        sessions: Sessions = {}
        self._add_day(sessions, os.path.join(SESSIONS, *day.split("-")), 0)
        self._add_day(sessions, ARCHIVED, 0)
        self._add_day(sessions, SESSIONS, 0)
        if name not in sessions:
            return None
        images = {entry.name: entry for entry in list_folder(os.path.join(self.path, IMAGES), self.report)}
        files = self._files(sessions[name], images.get(thread))
        return FoundContext(name, files) if files else None

    def _add_day(self, sessions: Sessions, folder: str, depth: int) -> None:
        """The rollouts in a folder, and in those of days below it."""
        for entry in list_folder(os.path.join(self.path, folder), self.report):
            rollout = rollout_of(entry.name)
            key = f"{folder}/{entry.name}"
            if rollout and (folder in (ARCHIVED, SESSIONS) or folder.endswith(rollout.day.replace("-", "/"))):
                sessions.setdefault(rollout.context, {})[key] = entry
            elif depth and entry.name.isdecimal() and _is_folder(entry, follow=True):
                self._add_day(sessions, key, depth - 1)

    def _files(self, rollouts: dict[str, FolderEntry], images: FolderEntry | None) -> list[FoundFile]:
        files = [
            file
            for key, entry in rollouts.items()
            # A packed one beside the same plain one is what a crash left: Codex doesn't look at it either.
            if not (key.endswith(PACKED) and key.removesuffix(PACKED) in rollouts)
            and (file := look_at(entry, key, self.report))
        ]
        if files and images is not None:
            files += self._images(images)
        files.sort(key=by_key)
        return files

    def _images(self, entry: FolderEntry) -> list[FoundFile]:
        key = f"{IMAGES}/{entry.name}"
        file = look_at(entry, key, self.report, state=False)
        if file is None:
            return []
        below = walk(file.path, key + "/", self.report, state=False) if _is_folder(entry, follow=False) else []
        return [file, *below]


def _is_folder(entry: FolderEntry, *, follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:  # a loop of symlinks
        return False
