"""Generators of the databases in which some agents keep sessions. The tables are those of the tests' homes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.sources.homes import cursor as cursor_home
from tests.sources.homes import goose as goose_home
from tests.sources.homes import opencode as opencode_home

from .shapes import Conversation


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def opencode(home: Path, talks: list[Conversation]) -> None:
    """Writes messages and parts of sessions as rows."""
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


def goose(home: Path, talks: list[Conversation]) -> None:
    """Writes messages of sessions as rows."""
    path = home / goose_home.DATA / "sessions/sessions.db"
    if not path.exists():
        path.parent.mkdir(parents=True)
        with closing(sqlite3.connect(path)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(goose_home.FIRST + goose_home.LATER)
            goose_home.insert(database, "schema_version", version=13)
            database.commit()
    with closing(sqlite3.connect(path)) as database:
        known = {id for (id,) in database.execute("SELECT id FROM sessions")}
        for talk in talks:
            session = f"{talk.time(0):%Y%m%d}_{talk.number}"
            if session not in known:
                goose_home.insert(database, "sessions", id=session, working_dir=talk.cwd, name="Work")
                for number, (role, blocks) in enumerate(_goose_messages(talk)):
                    row = {"session_id": session, "role": role, "content_json": _dump(blocks)}
                    at = int(talk.time(number).timestamp())
                    id = f"msg_{session}_{number}"
                    goose_home.insert(database, "messages", message_id=id, created_timestamp=at, **row)
        database.commit()


def _goose_messages(talk: Conversation) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for turn in talk.turns:
        yield "user", [goose_home.text(turn.asked)]
        for index, step in enumerate(turn.steps):
            id = f"call_{turn.number}_{index}"
            call = {"status": "success", "value": {"name": step.tool, "arguments": {"path": step.argument}}}
            asked = {"type": "toolRequest", "id": id, "toolCall": call}
            yield "assistant", [goose_home.text(step.thought), asked]
            result = {"status": "success", "value": {"content": [goose_home.text(step.output)], "isError": False}}
            yield "user", [{"type": "toolResponse", "id": id, "toolResult": result}]
        yield "assistant", [goose_home.text(turn.answer)]


def cursor(home: Path, talks: list[Conversation]) -> None:
    """Writes the bubbles (messages) of sessions as pairs of key and value."""
    path = home / cursor_home.EDITOR / "globalStorage/state.vscdb"
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        if is_new:
            database.execute("PRAGMA journal_mode = WAL")
            for table in ("ItemTable", "cursorDiskKV"):
                database.execute(f"CREATE TABLE {table} (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
        for talk in talks:
            bubbles = []
            for turn in talk.turns:
                bubbles.append(f"u{turn.number:06d}")
                cursor_home.add_bubble(database, talk.id, bubbles[-1], 1, text=turn.asked)
                for index, step in enumerate(turn.steps):
                    bubbles.append(f"a{turn.number:06d}{index}")
                    tool = {"name": step.tool, "toolCallId": bubbles[-1], "rawArgs": _dump({"path": step.argument})}
                    more = {"thinking": {"text": step.thought}, "toolFormerData": tool | {"result": step.output}}
                    cursor_home.add_bubble(database, talk.id, bubbles[-1], 2, text="", **more)
                bubbles.append(f"z{turn.number:06d}")
                cursor_home.add_bubble(database, talk.id, bubbles[-1], 2, text=turn.answer)
            cursor_home.add_conversation(database, talk.id, "Work", bubbles)
        database.commit()


DATABASES: dict[str, Callable[[Path, list[Conversation]], None]] = {
    "opencode": opencode,
    "goose": goose,
    "cursor": cursor,
}
"""The functions, by source, that create the database below a home or add sessions to it."""
