"""The files that belong to the user, not to a project: settings, instructions, commands, the list of projects.

This is a list of what is taken. Everything else in the folder stays out: credentials, accounts, caches, programs.
"""

from __future__ import annotations

import os

from ctxstore.sources.protocol import FoundFile, ReportSkipped
from ctxstore.sources.walk import by_key, list_folder, look_at, take_named

FILES = frozenset(
    {
        "settings.json",
        "GEMINI.md",
        "AGENTS.md",
        "memory.md",
        "projects.json",
        "trustedFolders.json",
        "keybindings.json",
    }
)
FOLDERS = frozenset({"commands", "skills", "agents", "policies", "memory", "acknowledgments"})
EXTENSION_FILES = frozenset({"gemini-extension.json", ".gemini-extension-install.json"})
_ACCOUNTS = frozenset(
    {
        "google_accounts.json",
        "mcp-oauth-tokens.json",
        "a2a-oauth-tokens.json",
        "gemini-credentials.json",
        "installation_id",
        "user_id",
    }
)
MEMORIES = frozenset({"GEMINI.md", "AGENTS.md", "memory.md"})


def home_files(path: str, report: ReportSkipped) -> list[FoundFile]:
    """The files of the context ``gemini/home``, in the order of their keys."""
    files = take_named(path, (FILES | FOLDERS).__contains__, report)
    files += _extensions(os.path.join(path, "extensions"), report)
    files = [file for file in files if not is_kept_out(file)]
    files.sort(key=by_key)
    return files


def is_kept_out(file: FoundFile) -> bool:
    """Whether it is an account of the user's, or a key: left out wherever it is."""
    name = os.path.basename(file.key)
    return name in _ACCOUNTS or name.endswith(".key")


def _extensions(path: str, report: ReportSkipped) -> list[FoundFile]:
    """Which extensions are installed and from where; they themselves are downloaded again."""
    files = []
    for entry in list_folder(path, report):
        key = "extensions/" + entry.name
        if entry.name == "extension-enablement.json":
            files.append(look_at(entry, key, report))
        elif entry.is_dir(follow_symlinks=False):
            inside = (each for each in list_folder(entry.path, report) if each.name in EXTENSION_FILES)
            files += [look_at(each, f"{key}/{each.name}", report) for each in inside]
    return [file for file in files if file is not None]
