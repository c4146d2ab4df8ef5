"""Codex's home: sessions, and the files that belong to the user.

Years of sessions must be listed in a fraction of a second: every folder is read once, and of a session only its own
files are looked at. Of the user's files those listed here are taken. Everything else stays out: credentials, caches,
logs, and the databases, which Codex makes anew from the rollouts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from ctxstore.sources.codex.rollouts import ARCHIVED, PACKED, SESSIONS, rollout_of, transcript_key
from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, take, take_named

__all__ = ["IMAGES", "CodexLayout", "is_memory", "make_layout", "transcript_key"]

HOME = "codex/home"
IMAGES = "generated_images"
_DEPTH = 3
"""Rollouts lie in a folder a day: year, month, day."""

_MEMORIES = "memories"
_INSTRUCTIONS = frozenset({"AGENTS.md", "AGENTS.override.md"})
_FILES = _INSTRUCTIONS | {"config.toml", "history.jsonl", "hooks.json", "instructions.md", "session_index.jsonl"}
_PROFILE = ".config.toml"
_FOLDERS = frozenset({"agents", _MEMORIES, "prompts", "rules", "skills"})
_BUNDLED = "skills/.system"
"""Skills that Codex brings with it, and writes again at each start."""

FolderEntry = os.DirEntry[str]
Sessions = dict[str, dict[str, FolderEntry]]
"""The rollouts that exist, by context and key."""


class CodexLayout(AgentLayout):
    """Lists the folder ``.codex``: the sessions first."""

    shared_first = False

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {HOME: self._home_files}

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the sessions by day and id."""
        sessions: Sessions = {}
        self._add_day(sessions, SESSIONS, _DEPTH)
        self._add_day(sessions, ARCHIVED, 0)
        return self._listed(sessions, sorted(sessions))

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the session called `name`; only its day is listed, and what is archived."""
        day, _, _ = name.partition("/")[2].partition("/")
        sessions: Sessions = {}
        self._add_day(sessions, os.path.join(SESSIONS, *day.split("-")), 0)
        self._add_day(sessions, ARCHIVED, 0)
        self._add_day(sessions, SESSIONS, 0)
        return next(self._listed(sessions, [name]), None) if name in sessions else None

    def _listed(self, sessions: Sessions, names: list[str]) -> Iterator[FoundContext]:
        images = {entry.name: entry for entry in list_folder(os.path.join(self.path, IMAGES), self.report)}
        for name in names:
            files = self._files(sessions[name], images.get(name.rpartition("/")[2]))
            if files:
                yield FoundContext(name, files)

    def _add_day(self, sessions: Sessions, folder: str, depth: int) -> None:
        """Adds the rollouts in a folder, and in those of days below it."""
        for entry in list_folder(os.path.join(self.path, folder), self.report):
            rollout = rollout_of(entry.name)
            key = f"{folder}/{entry.name}"
            if rollout and (folder in (ARCHIVED, SESSIONS) or folder.endswith(rollout.day.replace("-", "/"))):
                sessions.setdefault(rollout.context, {})[key] = entry
            elif depth and entry.name.isdecimal() and is_folder(entry, follow=True):
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
            files += take(images, f"{IMAGES}/{images.name}", self.report, state=False)
        files.sort(key=by_key)
        return files

    def _home_files(self) -> list[FoundFile]:
        files = take_named(self.path, _is_named, self.report)
        return [file for file in files if file.key != _BUNDLED and not file.key.startswith(_BUNDLED + "/")]


make_layout = CodexLayout


def is_memory(key: str) -> bool:
    """Whether the file is one of the agent's memories, or the user's instructions."""
    return key in _INSTRUCTIONS or key.startswith(_MEMORIES + "/")


def _is_named(name: str) -> bool:
    return name in _FILES or name in _FOLDERS or name.endswith(_PROFILE)
