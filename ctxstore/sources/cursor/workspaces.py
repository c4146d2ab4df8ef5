"""The workspaces of Cursor's conversations. The editor has a database for each folder that was opened."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import unquote, urlsplit

from ctxstore.errors import SourceError
from ctxstore.sources.content import json_object, string
from ctxstore.sources.walk import list_folder, read_head

_KEY = "composer.composerData"
_LIMIT = 64 << 10


def find_workspaces(home: str) -> dict[str, dict[str, Any]]:
    """Maps each conversation's id to its workspace: the workspace's id, its folder as a URI, and its entry for the
    conversation.

    Only one key of each database is read, because others hold tokens. Databases that cannot be read are ignored.
    """
    found: dict[str, dict[str, Any]] = {}
    entries = list_folder(os.path.join(home, "workspaceStorage"), lambda _: None)
    for entry in sorted(entries, key=lambda entry: entry.name):
        folder = _folder_of(entry.path)
        for composer in _composers(os.path.join(entry.path, "state.vscdb")) if folder else ():
            id = composer.get("composerId") if isinstance(composer, dict) else None
            if isinstance(id, str):
                listed = json.dumps(composer, ensure_ascii=False, separators=(",", ":"))
                found.setdefault(id, {"id": entry.name, "folder": folder, "listed": listed})
    return found


def path_of(uri: Any) -> str | None:
    """Returns the path in a folder's URI, or None if the folder is not on this machine."""
    parts = urlsplit(uri) if isinstance(uri, str) else None
    return unquote(parts.path) or None if parts and parts.scheme == "file" else None


def _folder_of(path: str) -> str:
    try:
        value = json_object(read_head(os.path.join(path, "workspace.json"), _LIMIT))
    except OSError:
        return ""
    return string(value.get("folder") or value.get("workspace"))


def _composers(path: str) -> list[Any]:
    from ctxstore.sources.sqlite.database import open_database

    if not os.path.lexists(path):
        return []
    try:
        with open_database(path, patience=0.2) as connection:
            row = connection.execute("SELECT value FROM ItemTable WHERE key = ?", (_KEY,)).fetchone()
    except SourceError:
        return []
    value = json_object(row[0]) if row and isinstance(row[0], (str, bytes)) else {}
    composers = value.get("allComposers")
    return composers if isinstance(composers, list) else []
