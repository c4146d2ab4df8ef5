"""Continue's home: sessions, a file each, their list, and the files that belong to the user."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping

from ctxstore.sources.layout import GroupedLayout, ListFiles
from ctxstore.sources.protocol import FoundFile, Skipped
from ctxstore.sources.unclaimed import take_unclaimed
from ctxstore.sources.walk import by_key, is_folder, list_folder, look_at, take_named

HOME = "continue/home"
SESSIONS = "continue/sessions/"
LIST = "sessions/sessions.json"

_NAMED = frozenset(
    {"config.yaml", "config.json", "config.ts", ".continuerc.json", "permissions.yaml", "sharedConfig.json"}
    | {"agents", "assistants", "checks", "context", "docs", "mcpServers", "models", "prompts", "rules", "skills"}
)
_SESSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,127})\.json")


class ContinueLayout(GroupedLayout[os.DirEntry[str]]):
    """Lists the folder ``.continue``."""

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {HOME: self._home_files}

    def group_entries(self) -> Mapping[str, list[os.DirEntry[str]]]:
        """Returns the file of each session."""
        found = {}
        for entry in list_folder(os.path.join(self.path, "sessions"), self.report):
            if _is_session(entry):
                found[SESSIONS + entry.name.removesuffix(".json")] = [entry]
        return found

    def list_files(self, entries: list[os.DirEntry[str]]) -> list[FoundFile]:
        """Returns the file of a session."""
        files = (look_at(entry, f"sessions/{entry.name}", self.report) for entry in entries)
        return [file for file in files if file is not None]

    def _home_files(self) -> list[FoundFile]:
        """Returns settings and rules, which are named, and the list of sessions with whatever else is beside them."""
        files = take_named(self.path, _NAMED.__contains__, self.report)
        for entry in list_folder(os.path.join(self.path, "sessions"), self.report):
            key = f"sessions/{entry.name}"
            if not _is_session(entry):
                files += take_unclaimed(entry, key, self.report)
        files = [file for file in files if not self._has_keys(file)]
        files.sort(key=by_key)
        return files

    def _has_keys(self, file: FoundFile) -> bool:
        if stat.S_ISDIR(file.stat.st_mode) or not os.path.basename(file.key).startswith(".env"):
            return False
        self.report(Skipped(file.path, "holds secrets", failed=False))
        return True


make_layout = ContinueLayout


def _is_session(entry: os.DirEntry[str]) -> bool:
    is_named = entry.name != "sessions.json" and _SESSION.fullmatch(entry.name) is not None
    return is_named and not is_folder(entry)


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns ``sessions/<session>.json`` if it is one of `keys`, else None."""
    key = session_key(context)
    return key if key is not None and key in keys else None


def is_memory(key: str) -> bool:
    """Whether the file is a rule that the agent follows in every session."""
    return key.startswith("rules/")


def session_key(context: str) -> str | None:
    """Returns the key of a session's file, or None if `context` is not a session."""
    session = context.removeprefix(SESSIONS)
    return f"sessions/{session}.json" if session != context else None
