"""Continue's home: sessions, a file each, their list, and the files that belong to the user."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from ctxstore.sources.layout import GroupedLayout, ListFiles
from ctxstore.sources.protocol import FoundFile, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, take_named

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
            if entry.name == "sessions.json" or not entry.name.endswith(".json"):
                continue
            if _SESSION.fullmatch(entry.name):
                found[SESSIONS + entry.name.removesuffix(".json")] = [entry]
            else:
                self.report(Skipped(entry.path, "not named like a session", failed=False))
        return found

    def list_files(self, entries: list[os.DirEntry[str]]) -> list[FoundFile]:
        """Returns the file of a session."""
        files = (look_at(entry, f"sessions/{entry.name}", self.report) for entry in entries)
        return [file for file in files if file is not None]

    def _home_files(self) -> list[FoundFile]:
        """Settings, rules, and the list of sessions: what is named, and nothing else."""
        files = take_named(self.path, _NAMED.__contains__, self.report)
        for entry in list_folder(os.path.join(self.path, "sessions"), self.report):
            file = look_at(entry, LIST, self.report) if entry.name == "sessions.json" else None
            files += [file] if file else []
        files = [file for file in files if not os.path.basename(file.key).startswith(".env")]
        files.sort(key=by_key)
        return files


make_layout = ContinueLayout


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
