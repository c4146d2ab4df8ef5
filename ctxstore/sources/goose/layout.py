"""Goose's homes: its data folder, and its folder of settings. Versions before 1.10 kept each session in a file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator

from ctxstore.sources.content import json_object, string
from ctxstore.sources.protocol import FoundFile
from ctxstore.sources.sqlite.layout import DatabaseModule, OlderSession, SessionDatabaseLayout, is_session
from ctxstore.sources.sqlite.listing import TRANSCRIPT
from ctxstore.sources.unclaimed import is_part_of, take_unclaimed
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, read_head

FILE = "sessions/sessions.db"
_OLDER = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9._-]{0,127})\.jsonl")
_HEAD = 1 << 16


class GooseLayout(SessionDatabaseLayout):
    """Lists Goose's data folder, or its folder of settings."""

    source = "goose"
    file = FILE
    settings = frozenset({"config.yaml", "permission.yaml", ".goosehints", "memory", "prompts", "recipes", "skills"})

    def database(self) -> DatabaseModule:
        """Returns the module that understands the database."""
        from ctxstore.sources.goose import database

        return database

    def older_sessions(self, is_wanted: Callable[[str], bool]) -> Iterator[OlderSession]:
        """Yields the sessions in files."""
        for entry in list_folder(os.path.join(self.path, "sessions"), self.report):
            match = _OLDER.fullmatch(entry.name)
            if match and is_wanted(match[1]) and not is_folder(entry):
                file = look_at(entry, f"sessions/{entry.name}", self.report)
                if file is not None:
                    yield OlderSession(match[1], _folder_of(entry.path), [file])

    def _settings(self) -> list[FoundFile]:
        """Returns the settings, and the files beside sessions that are none, or that the database has too."""
        files = super()._settings()
        known = {session.id for session in self.listed_sessions}
        for entry in list_folder(os.path.join(self.path, "sessions"), self.report):
            key = f"sessions/{entry.name}"
            match = _OLDER.fullmatch(entry.name)
            is_session = match is not None and match[1] not in known and not is_folder(entry)
            if key == FILE or is_part_of(key, FILE) or is_session:
                continue
            files += take_unclaimed(entry, key, self.report)
        return sorted(files, key=by_key)


make_layout = GooseLayout


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns ``session.jsonl`` or the file of an older session if it is one of `keys`, else None."""
    there = set(keys) if is_session(context) else ()
    return next((key for key in (TRANSCRIPT, older_key(context)) if key in there), None)


def is_memory(key: str) -> bool:
    """Whether the file is a memory of Goose's, or a hint for every session."""
    return key.startswith("memory/") or key == ".goosehints"


def older_key(context: str) -> str:
    """Returns the key of the file in which versions before 1.10 kept the session."""
    return f"sessions/{context.rpartition('/')[2]}.jsonl"


def _folder_of(path: str) -> str:
    """Returns the folder in which the session of a file worked, from the file's first line."""
    try:
        first = read_head(path, _HEAD).partition(b"\n")[0]
    except OSError:
        return ""
    return string(json_object(first).get("working_dir"))
