"""The files that belong to the user, not to a session: settings, instructions, agents, skills.

This is a list of what is taken. Everything else in the folder stays out: logs, caches, plugins' code, the database of
all sessions, which is an index of what lies in their folders.
"""

from __future__ import annotations

import os
import stat

from ctxstore.sources.protocol import FoundFile, Report, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

INSTRUCTIONS = "copilot-instructions.md"
MANAGED = "config.json"
"""What Copilot keeps for itself. Old versions keep the user's settings in it, and some keep who is logged in there."""

FILES = frozenset(
    {
        "command-history-state.json",
        INSTRUCTIONS,
        "lsp-config.json",
        MANAGED,
        "mcp-config.json",
        "permissions-config.json",
        "settings.json",
    }
)
FOLDERS = frozenset({"agents", "hooks", "instructions", "skills"})
_LIMIT = 64 << 10
_SUSPICIOUS = (b"token", b"secret", b"password", b"api_key", b"apikey", b"authorization", b"private_key")


def home_files(path: str, report: Report) -> list[FoundFile]:
    """The files of the context ``copilot/home``, in the order of their keys."""
    files: list[FoundFile] = []
    for entry in list_folder(path, report):
        if entry.name not in FILES and entry.name not in FOLDERS:
            continue
        file = look_at(entry, entry.name, report)
        if file is None:
            continue
        if entry.name == MANAGED and _may_hold_credentials(file):
            reason = "may hold credentials, or is too large for settings"
            report(Skipped(file.path, reason, failed=False))
            continue
        files.append(file)
        if stat.S_ISDIR(file.stat.st_mode):
            files += walk(file.path, entry.name + "/", report)
    files.sort(key=by_key)
    return files


def is_memory(key: str) -> bool:
    """Whether the file is one of the user's instructions."""
    return key == INSTRUCTIONS or key.startswith("instructions/")


def _may_hold_credentials(file: FoundFile) -> bool:
    if not stat.S_ISREG(file.stat.st_mode) or file.stat.st_size > _LIMIT:
        return True
    try:
        descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as opened:
            text = opened.read(_LIMIT + 1).lower()
    except OSError:
        return True
    return len(text) > _LIMIT or any(word in text for word in _SUSPICIOUS)
