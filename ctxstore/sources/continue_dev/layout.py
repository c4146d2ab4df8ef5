"""Continue's home: sessions, a file each, their list, and the files that belong to the user."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping

from ctxstore.sources.layout import AgentLayout, ListFiles
from ctxstore.sources.protocol import FoundContext, FoundFile, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, take_named

HOME = "continue/home"
SESSIONS = "continue/sessions/"
LIST = "sessions/sessions.json"

_NAMED = frozenset(
    {"config.yaml", "config.json", "config.ts", ".continuerc.json", "permissions.yaml", "sharedConfig.json"}
    | {"agents", "assistants", "checks", "context", "docs", "mcpServers", "models", "prompts", "rules", "skills"}
)
_SESSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,127})\.json")


class ContinueLayout(AgentLayout):
    """Lists the folder ``.continue``."""

    def shared(self) -> Mapping[str, ListFiles]:
        """Returns the user's files."""
        return {HOME: self._home_files}

    def sessions(self) -> Iterator[FoundContext]:
        """Yields the sessions in the order of their names."""
        for entry in sorted(self._sessions(), key=_session_of):
            if context := self._context(entry):
                yield context

    def find_session(self, name: str) -> FoundContext | None:
        """Returns the session called `name`."""
        entry = next((entry for entry in self._sessions() if SESSIONS + _session_of(entry) == name), None)
        return self._context(entry) if entry else None

    def _context(self, entry: os.DirEntry[str]) -> FoundContext | None:
        file = look_at(entry, f"sessions/{entry.name}", self.report)
        return FoundContext(SESSIONS + _session_of(entry), [file]) if file else None

    def _sessions(self) -> Iterator[os.DirEntry[str]]:
        for entry in list_folder(os.path.join(self.path, "sessions"), self.report):
            if entry.name == "sessions.json" or not entry.name.endswith(".json"):
                continue
            if _SESSION.fullmatch(entry.name):
                yield entry
            else:
                self.report(Skipped(entry.path, "not named like a session", failed=False))

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
    """Returns ``sessions/<session>.json``."""
    key = session_key(context)
    return key if key is not None and key in keys else None


def is_memory(key: str) -> bool:
    """Whether the file is a rule, which the agent goes by in every session."""
    return key.startswith("rules/")


def session_key(context: str) -> str | None:
    """Returns the key of a session's file; ``None`` if `context` is no session."""
    session = context.removeprefix(SESSIONS)
    return f"sessions/{session}.json" if session != context else None


def _session_of(entry: os.DirEntry[str]) -> str:
    return entry.name.removesuffix(".json")
