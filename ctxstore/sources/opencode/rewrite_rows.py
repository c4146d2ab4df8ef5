"""A session's rows under another id, in another folder, or up to a message."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ctxstore.errors import SourceError
from ctxstore.sources.jsonl.edit import Fields, edit_line
from ctxstore.sources.opencode.ids import renamed
from ctxstore.sources.resumable import ContextChange
from ctxstore.sources.sqlite.rows import RowLine

_LOG = ("event", "event_sequence")
"""The log of the original. OpenCode begins another one where there is none."""

_AFTERWARDS = ("session_message", "session_input")
_STATE = ("session_context_epoch",)


def is_kept(lines: Iterator[RowLine], change: ContextChange) -> Iterator[RowLine]:
    """Yields the rows to restore, up to the last message to keep. Rows of the log are omitted if the session
    changes."""
    ended: int | None = None
    at_end = False
    for line in lines:
        if (change.session or change.until) and line.table in _LOG:
            continue
        if change.until:
            time = line.row.get("time_created")
            time = time if isinstance(time, int) else 0
            is_after = line.table == "message" and at_end
            is_after = is_after or (ended is not None and line.table in _AFTERWARDS and time > ended)
            if is_after or line.table in _STATE:
                continue
            if line.row.get("id") == change.until and line.table in ("message", "session_message"):
                ended, at_end = time, True
        yield line


class Rewriting:
    """Changes rows as a checkout requires. `projects` maps folders to the ids of projects in the target home."""

    def __init__(self, change: ContextChange, projects: Mapping[str, str]) -> None:
        self._change = change
        self._known = projects
        self._projects: dict[str, str] = {}
        rename = self._rename if change.session else _same
        session = (lambda _: change.session) if change.session else _same
        own = {"id": rename, "session_id": session}
        self._columns: dict[str, dict[str, Callable[[str], str]]] = {
            "session": {"id": session, "directory": change.path},
            "message": own,
            "part": {**own, "message_id": rename},
            "session_message": own,
            "session_input": own,
            "session_context_epoch": {"session_id": session},
            "todo": {"session_id": session},
            "project": {"worktree": change.path},
        }
        self._data: dict[tuple[str, str], Fields] = {
            ("session", "revert"): {"messageID": rename, "partID": rename},
            ("message", "data"): {"parentID": rename, "path": {"cwd": change.path, "root": change.path}},
            ("part", "data"): {"tail_start_id": rename},
        }

    def line(self, line: RowLine) -> RowLine:
        """Returns the changed row, with the changed rows that belong to it."""
        row = dict(line.row)
        if line.table == "session":
            self._place(row)
        for name, change in self._columns.get(line.table, {}).items():
            if isinstance(row.get(name), str):
                row[name] = change(row[name])
        for (table, name), fields in self._data.items():
            if table == line.table and isinstance(row.get(name), str):
                row[name] = edit_line(row[name].encode(), fields).decode()
        if line.table == "session":
            self._session(row)
        elif line.table == "project" and isinstance(row.get("id"), str):
            row["id"] = self._project(row["id"], row.get("worktree"))
        return RowLine(line.table, row, [self.line(each) for each in line.rows])

    def _place(self, row: dict[str, Any]) -> None:
        """Changes the folder's path in the project, which changes if the project is the whole disk."""
        folder, path = row.get("directory"), row.get("path")
        if self._change.paths and isinstance(folder, str) and isinstance(path, str) and folder.endswith("/" + path):
            top = self._change.path(folder.removesuffix(path).rstrip("/") or "/")
            place = os.path.relpath(self._change.path(folder), top)
            row["path"] = "" if place == "." else place

    def _session(self, row: dict[str, Any]) -> None:
        """Changes the session's own row. A copy is not shared, and its time is the present. A shortened session has no
        undone messages."""
        if self._change.session:
            row |= {name: None for name in ("share_url",) if name in row}
            row["time_updated"] = self._change.now // 1_000_000
        if self._change.until and "revert" in row:
            row["revert"] = None
        if isinstance(row.get("project_id"), str):
            row["project_id"] = self._project(row["project_id"], row.get("directory"))

    def _project(self, id: str, folder: Any) -> str:
        """Returns the id of the project to which the changed folder belongs. Otherwise returns `id`, because a clone of
        a project has the same id."""
        if not self._change.paths or not isinstance(folder, str):
            return id
        if id not in self._projects:
            self._projects[id] = _project_of(folder, self._known) or id
        return self._projects[id]

    def _rename(self, id: str) -> str:
        return renamed(id, self._change.session)


def _same(text: str) -> str:
    return text


def find_projects(home: str, file: str) -> Mapping[str, str]:
    """Maps folders to the ids of their projects in the database `file` of OpenCode at `home`.

    The database is read before anything is written. Otherwise closing it after reading would release this process's
    locks on it.
    """
    from ctxstore.sources.sqlite.database import open_database

    try:
        with open_database(os.path.join(home, file)) as connection:
            rows = connection.execute('SELECT "worktree", "id" FROM "project"').fetchall()
    except SourceError:
        return {}
    return {folder: id for folder, id in rows if isinstance(folder, str) and isinstance(id, str)}


def _project_of(folder: str, projects: Mapping[str, str]) -> str | None:
    """Returns the id of the project that contains the folder, or None if there is none."""
    while folder not in projects:
        parent = os.path.dirname(folder)
        if parent in (folder, "/"):
            return None
        folder = parent
    return projects[folder]
