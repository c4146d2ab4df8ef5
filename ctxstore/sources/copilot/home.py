"""The files that belong to the user, not to a session: settings, instructions, agents, skills.

This is a list of what is taken. Everything else in the folder stays out: logs, caches, plugins' code, the database of
all sessions, which is an index of what lies in their folders.
"""

from __future__ import annotations

from ctxstore.sources.credentials import may_hold_credentials
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import take_named

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


def home_files(path: str, report: ReportSkipped) -> list[FoundFile]:
    """The files of the context ``copilot/home``, in the order of their keys."""
    files = take_named(path, (FILES | FOLDERS).__contains__, report)
    for file in files:
        if file.key == MANAGED and may_hold_credentials(file):
            report(Skipped(file.path, "may hold credentials, or is too large for settings", failed=False))
            files.remove(file)
            break
    return files


def is_memory(key: str) -> bool:
    """Whether the file is one of the user's instructions."""
    return key == INSTRUCTIONS or key.startswith("instructions/")
