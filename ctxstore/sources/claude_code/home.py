"""The files that belong to the user, not to a project: settings, instructions, commands, prompts.

This is a list of what is taken. Everything else in the folder stays out: credentials, caches, logs.
"""

from __future__ import annotations

import os
import stat

from ctxstore.sources.credentials import may_hold_credentials
from ctxstore.sources.protocol import FoundFile, ReportSkipped, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, take_named

FILES = frozenset({"settings.json", "settings.local.json", "CLAUDE.md", "history.jsonl"})
FOLDERS = frozenset({"agents", "skills", "rules", "commands", "output-styles", "plans"})
PLUGIN_FILES = frozenset({"config.json", "installed_plugins.json", "known_marketplaces.json"})


def home_files(path: str, report: ReportSkipped) -> list[FoundFile]:
    """The files of the context ``claude-code/home``, in the order of their keys."""
    files = take_named(path, (FILES | FOLDERS).__contains__, report)
    files += _plugin_files(os.path.join(path, "plugins"), report)
    files.sort(key=by_key)
    return files


def _plugin_files(path: str, report: ReportSkipped) -> list[FoundFile]:
    """Which plugins are installed; the plugins themselves are downloaded again."""
    files = []
    for entry in list_folder(path, report):
        file = look_at(entry, "plugins/" + entry.name, report) if entry.name in PLUGIN_FILES else None
        if file is None or not stat.S_ISREG(file.stat.st_mode):
            continue
        if may_hold_credentials(file):
            reason = "may hold credentials, or is too large for a list of plugins"
            report(Skipped(file.path, reason, failed=False))
        else:
            files.append(file)
    return files
