"""Conversations in the databases that some agents keep. Their tables are those of the tests' homes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.sources.homes import opencode as opencode_home

from .shapes import Conversation


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def opencode(home: Path, talks: list[Conversation]) -> None:
    """A session's messages and parts, as rows."""
    path = home / opencode_home.DATA / "opencode.db"
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        if is_new:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(opencode_home.SCHEMA)
            opencode_home.insert(database, "project", id=opencode_home.PROJECT, worktree="/home/dev", sandboxes="[]")
        known = {id for (id,) in database.execute("SELECT id FROM session")}
        for talk in talks:
            session = f"ses_{talk.number:026d}"
            if session not in known:
                _opencode_session(database, session, talk)
        database.commit()


def _opencode_session(database: sqlite3.Connection, session: str, talk: Conversation) -> None:
    opencode_home.add_session(database, session, "Work", directory=talk.cwd)
    number = 0

    def message(role: str, parts: list[dict[str, Any]]) -> None:
        nonlocal number
        number += 1
        at = int(talk.time(number).timestamp() * 1000)
        id = f"msg_{talk.number:06d}{number:020d}"
        data = {"role": role, "time": {"created": at}, "modelID": "gpt-5"}
        opencode_home.insert(database, "message", at, id=id, session_id=session, data=_dump(data))
        for index, part in enumerate(parts):
            row = {"id": f"prt{id[3:]}{index:02d}", "message_id": id, "session_id": session, "data": _dump(part)}
            opencode_home.insert(database, "part", at, **row)

    for turn in talk.turns:
        message("user", [{"type": "text", "text": turn.asked}])
        parts: list[dict[str, Any]] = []
        for index, step in enumerate(turn.steps):
            state = {"status": "completed", "input": {"path": step.argument}, "output": step.output}
            call = f"call_{turn.number}_{index}"
            parts += [
                {"type": "reasoning", "text": step.thought},
                {"type": "tool", "tool": step.tool, "callID": call, "state": state},
            ]
        message("assistant", [*parts, {"type": "text", "text": turn.answer}])


DATABASES: dict[str, Callable[[Path, list[Conversation]], None]] = {"opencode": opencode}
"""By source: writes (or adds to) the database below a home."""
