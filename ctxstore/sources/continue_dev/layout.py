"""Where Continue keeps what belongs to a session: one file each, and a list of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, take_named

HOME = "continue/home"
SESSIONS = "continue/sessions/"
LIST = "sessions/sessions.json"

_FILES = frozenset(
    {"config.yaml", "config.json", "config.ts", ".continuerc.json", "permissions.yaml", "sharedConfig.json"}
)
_FOLDERS = frozenset(
    {"agents", "assistants", "checks", "context", "docs", "mcpServers", "models", "prompts", "rules", "skills"}
)
_SESSION = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]{0,127})\.json")


class ContinueLayout:
    """One look at the folder ``.continue``. `suffix` sets another's home apart: sessions have names of their own."""

    def __init__(self, path: str, suffix: str, report: ReportSkipped) -> None:
        self._path = path
        self._home_name = HOME + suffix
        self._report = report

    def contexts(self) -> Iterator[FoundContext]:
        """The home first, then the sessions in the order of their names."""
        home = self._home()
        if home:
            yield FoundContext(self._home_name, home)
        for entry in sorted(self._sessions(), key=_name):
            file = look_at(entry, f"sessions/{entry.name}", self._report)
            if file is not None:
                yield FoundContext(SESSIONS + entry.name.removesuffix(".json"), [file])

    def find(self, name: str) -> FoundContext | None:
        """The context called `name`."""
        if name == self._home_name:
            files = self._home()
            return FoundContext(name, files) if files else None
        wanted = name.removeprefix(SESSIONS) + ".json"
        entry = next((entry for entry in self._sessions() if entry.name == wanted), None)
        file = look_at(entry, f"sessions/{entry.name}", self._report) if entry and name.startswith(SESSIONS) else None
        return FoundContext(name, [file]) if file else None

    def _sessions(self) -> Iterator[os.DirEntry[str]]:
        for entry in list_folder(os.path.join(self._path, "sessions"), self._report):
            if entry.name == "sessions.json" or not entry.name.endswith(".json"):
                continue
            if _SESSION.fullmatch(entry.name):
                yield entry
            else:
                self._report(Skipped(entry.path, "not named like a session", failed=False))

    def _home(self) -> list[FoundFile]:
        """Settings, rules, and the list of sessions: what is named, and nothing else."""
        files = take_named(self._path, (_FILES | _FOLDERS).__contains__, self._report)
        for entry in list_folder(os.path.join(self._path, "sessions"), self._report):
            file = look_at(entry, LIST, self._report) if entry.name == "sessions.json" else None
            files += [file] if file else []
        files = [file for file in files if not os.path.basename(file.key).startswith(".env")]
        files.sort(key=by_key)
        return files


def session_key(context: str) -> str | None:
    """The key of a session's file; ``None`` if `context` is no session."""
    session = context.removeprefix(SESSIONS)
    return f"sessions/{session}.json" if session != context else None


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name.removesuffix(".json")
