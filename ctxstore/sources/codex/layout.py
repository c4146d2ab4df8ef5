"""Codex's home: sessions, and the files that belong to the user.

Years of sessions must be listed in a fraction of a second, so only a session's own files are examined. Files in the
folders of sessions, images and memories that belong to no session belong to the home. Other files of the user are
included only if they are listed here. Everything else is excluded: credentials, caches, logs, and the databases, which
Codex rebuilds from the rollouts.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.sources.codex.rollouts import ARCHIVED, SESSIONS, Rollout, rollout_of, transcript_key
from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, take, take_named

__all__ = ["IMAGES", "CodexLayout", "is_memory", "make_layout", "transcript_key"]

HOME = "codex/home"
IMAGES = "generated_images"
_DEPTH = 3
"""Rollouts lie in a folder a day: year, month, day."""

MEMORIES = "memories"
_INSTRUCTIONS = frozenset({"AGENTS.md", "AGENTS.override.md"})
_FILES = _INSTRUCTIONS | {"config.toml", "history.jsonl", "hooks.json", "instructions.md", "session_index.jsonl"}
_PROFILE = ".config.toml"
_FOLDERS = frozenset({"agents", MEMORIES, "prompts", "rules", "skills"})
_BUNDLED = "skills/.system"
"""Skills that Codex brings with it, and writes again at each start."""

FolderEntry = os.DirEntry[str]


class FoundRollout(NamedTuple):
    """A rollout that exists."""

    rollout: Rollout
    entry: FolderEntry


Rollouts = dict[str, FoundRollout]
"""By key."""

Sessions = dict[str, dict[str, FolderEntry]]
"""The rollouts that exist, by context and key."""


class CodexLayout(AgentLayout):
    """Lists the folder ``.codex``: the sessions first."""

    kept = (SESSIONS, ARCHIVED, IMAGES, MEMORIES)
    rest = HOME

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {HOME: self._home_files}

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the sessions by day and id."""
        sessions = _by_context(self.rollouts())
        return self._listed(sessions, sorted(sessions))

    def rollouts(self, since: str = "") -> Rollouts:
        """Returns the rollouts, archived or of the day `since` or later."""
        found: Rollouts = {}
        self._add_day(found, SESSIONS, _DEPTH, since)
        self._add_day(found, ARCHIVED, 0)
        return found

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the session called `name`, or None if there is none. Lists only its day, later days, and the
        archive."""
        day, _, thread = name.partition("/")[2].partition("/")
        rollouts = self.rollouts(f"{SESSIONS}/{day.replace('-', '/')}") if thread else {}
        found = _by_context({key: each for key, each in rollouts.items() if each.rollout.thread == thread})
        return next(self._listed(found, [name]), None) if name in found else None

    def _listed(self, sessions: Sessions, names: list[str]) -> Iterator[FoundContext]:
        images = {entry.name: entry for entry in list_folder(os.path.join(self.path, IMAGES), self.report)}
        for name in names:
            files = self._files(sessions[name], images.get(name.rpartition("/")[2]))
            if files:
                yield FoundContext(name, files)

    def _add_day(self, rollouts: Rollouts, folder: str, depth: int, since: str = "") -> None:
        """Adds the rollouts in a folder, and in those of days below it, from the day `since` on."""
        for entry in list_folder(os.path.join(self.path, folder), self.report):
            rollout = rollout_of(entry.name)
            key = f"{folder}/{entry.name}"
            if rollout and (folder in (ARCHIVED, SESSIONS) or folder.endswith(rollout.day.replace("-", "/"))):
                rollouts[key] = FoundRollout(rollout, entry)
            elif depth and entry.name.isdecimal() and key >= since[: len(key)] and is_folder(entry, follow=True):
                self._add_day(rollouts, key, depth - 1, since)

    def _files(self, rollouts: dict[str, FolderEntry], images: FolderEntry | None) -> list[FoundFile]:
        found = (look_at(entry, key, self.report) for key, entry in rollouts.items())
        files = [file for file in found if file and not stat.S_ISDIR(file.stat.st_mode)]
        if files and images is not None:
            files += take(images, f"{IMAGES}/{images.name}", self.report, state=False)
        files.sort(key=by_key)
        return files

    def _home_files(self) -> list[FoundFile]:
        files = take_named(self.path, _is_named, self.report)
        return [file for file in files if file.key != _BUNDLED and not file.key.startswith(_BUNDLED + "/")]


make_layout = CodexLayout


def _by_context(rollouts: Rollouts) -> Sessions:
    """Groups rollouts by context. A segment belongs to the first rollout before it, often of an earlier day."""
    sessions: Sessions = {}
    threads: dict[str, str] = {}
    keys = list(rollouts)
    if any(each.rollout.segment for each in rollouts.values()):
        keys.sort(key=lambda key: (*rollouts[key].rollout[:2], bool(rollouts[key].rollout.segment)))
    for key in keys:
        rollout, entry = rollouts[key]
        if not rollout.segment:
            threads[rollout.thread] = rollout.context
        sessions.setdefault(threads.setdefault(rollout.thread, rollout.context), {})[key] = entry
    return sessions


def is_memory(key: str) -> bool:
    """Whether the file is one of the agent's memories, or the user's instructions."""
    return key in _INSTRUCTIONS or key.startswith(MEMORIES + "/")


def _is_named(name: str) -> bool:
    return name in _FILES or name in _FOLDERS or name.endswith(_PROFILE)
