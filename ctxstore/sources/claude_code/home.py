"""The files that belong to the user, not to a project: settings, instructions, commands, prompts.

This is a list of what is taken. Everything else in the folder stays out: credentials, caches, logs.
"""

from __future__ import annotations

import os
import stat

from ctxstore.sources.protocol import FoundFile, Report, Skipped
from ctxstore.sources.walk import by_key, list_folder, look_at, walk

FILES = frozenset({"settings.json", "settings.local.json", "CLAUDE.md", "history.jsonl"})
FOLDERS = frozenset({"agents", "skills", "rules", "commands", "output-styles", "plans"})
PLUGIN_FILES = frozenset({"config.json", "installed_plugins.json", "known_marketplaces.json"})
PLUGIN_FILE_LIMIT = 64 * 1024
_SUSPICIOUS = (b"token", b"secret", b"password", b"api_key", b"apikey", b"authorization", b"private_key")


def home_files(path: str, report: Report) -> list[FoundFile]:
    """The files of the context ``claude-code/home``, in the order of their keys."""
    files: list[FoundFile] = []
    for entry in list_folder(path, report):
        if entry.name not in FILES and entry.name not in FOLDERS:
            continue
        file = look_at(entry, entry.name, report)
        if file is None:
            continue
        files.append(file)
        if stat.S_ISDIR(file.stat.st_mode):
            files += walk(file.path, entry.name + "/", report)
    files += _plugin_files(os.path.join(path, "plugins"), report)
    files.sort(key=by_key)
    return files


def _plugin_files(path: str, report: Report) -> list[FoundFile]:
    """Which plugins are installed; the plugins themselves are downloaded again."""
    files = []
    for entry in list_folder(path, report):
        file = look_at(entry, "plugins/" + entry.name, report) if entry.name in PLUGIN_FILES else None
        if file is None or not stat.S_ISREG(file.stat.st_mode):
            continue
        if file.stat.st_size > PLUGIN_FILE_LIMIT or _may_hold_credentials(file.path):
            reason = "may hold credentials, or is too large for a list of plugins"
            report(Skipped(file.path, reason, failed=False))
        else:
            files.append(file)
    return files


def _may_hold_credentials(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            text = file.read(PLUGIN_FILE_LIMIT + 1).lower()
    except OSError:
        return True
    hosts = (url.partition(b"/")[0] for url in text.split(b"://")[1:])
    return any(word in text for word in _SUSPICIOUS) or any(b"@" in host for host in hosts)
