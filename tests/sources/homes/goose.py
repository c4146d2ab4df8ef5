"""A home with Goose's folders, one of everything: a database of version 13, a file of an earlier version."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.sources.homes.home_files import write

SESSION, OTHER, OLD = "20261121_1", "20261121_2", "20250102_030405"
FOLDER = "/home/ada/engine"
DATA = ".local/share/goose"
TIME = 1_700_000_000

FIRST = """
CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE sessions (id TEXT PRIMARY KEY, description TEXT NOT NULL DEFAULT '', working_dir TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    extension_data TEXT DEFAULT '{}', total_tokens INTEGER, schedule_id TEXT, recipe_json TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT NOT NULL REFERENCES sessions(id),
    role TEXT NOT NULL, content_json TEXT NOT NULL, created_timestamp INTEGER NOT NULL,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP, tokens INTEGER);
CREATE INDEX idx_messages_session ON messages(session_id);
"""
"""The tables that the first version creates."""

LATER = """
ALTER TABLE messages ADD COLUMN metadata_json TEXT;
ALTER TABLE messages ADD COLUMN message_id TEXT;
ALTER TABLE sessions ADD COLUMN name TEXT DEFAULT '';
ALTER TABLE sessions ADD COLUMN provider_name TEXT;
ALTER TABLE sessions ADD COLUMN model_config_json TEXT;
ALTER TABLE sessions ADD COLUMN thread_id TEXT;
ALTER TABLE sessions ADD COLUMN accumulated_cost REAL;
CREATE TABLE threads (id TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT 'New Chat', working_dir TEXT);
CREATE TABLE thread_messages (id INTEGER PRIMARY KEY AUTOINCREMENT, thread_id TEXT NOT NULL REFERENCES threads(id),
    session_id TEXT, role TEXT NOT NULL, content_json TEXT NOT NULL, created_timestamp INTEGER NOT NULL);
"""
"""The changes that later versions make to the tables."""


def make(home: Path) -> None:
    """Writes the folders below `home`."""
    data = home / DATA
    make_database(data / "sessions/sessions.db")
    head = {"working_dir": FOLDER, "description": "Cut the gears", "message_count": 2}
    older = [head, message("user", text("Cut the gears"), id="m1"), message("assistant", text("Cut."), id="m2")]
    write(data, {f"sessions/{OLD}.jsonl": "".join(json.dumps(line) + "\n" for line in older), "logs/cli.log": ""})
    settings = {"config.yaml": "GOOSE_MODEL: fake\n", "secrets.yaml": "KEY: t\n", "memory/oil.txt": "Use oil.\n"}
    write(home / ".config/goose", settings)


def make_database(path: Path, *, version: int = 13) -> None:
    """Writes a database with two sessions, as a program leaves it that ended normally."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(FIRST + (LATER if version > 1 else ""))
        insert(database, "schema_version", version=version)
        later = {"name": "Oil the wheels", "thread_id": "thread_1", "model_config_json": '{"model_name":"fake"}'}
        if version > 1:
            insert(database, "threads", id="thread_1", working_dir=FOLDER)
        insert(database, "sessions", id=SESSION, working_dir=FOLDER, **(later if version > 1 else {}))
        insert(database, "sessions", id=OTHER, working_dir=FOLDER, description="Look for oil")
        for session in (SESSION, OTHER):
            add_turn(database, session, 1, "Oil the wheels", "Oiled.")
        database.commit()


def insert(database: sqlite3.Connection, table: str, **row: Any) -> int:
    """Inserts a row, and returns its number."""
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    found = database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))
    return found.lastrowid or 0


def text(words: str) -> dict[str, Any]:
    """Builds a block of text."""
    return {"type": "text", "text": words}


def message(role: str, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Builds a line of the older files."""
    return {"role": role, "created": TIME, "content": list(blocks), **more}


def add_turn(database: sqlite3.Connection, session: str, number: int, question: str, answer: str) -> list[str]:
    """Inserts a question, a tool's call and its result, and an answer. Returns their ids."""
    call = {"status": "success", "value": {"name": "shell", "arguments": {"command": "ls"}}}
    result = {"status": "success", "value": {"content": [text("wheel")], "isError": False}}
    said = (
        ("user", text(question)),
        ("assistant", {"type": "toolRequest", "id": "call_1", "toolCall": call}),
        ("user", {"type": "toolResponse", "id": "call_1", "toolResult": result}),
        ("assistant", text(answer)),
    )
    ids = []
    columns = {row[1] for row in database.execute("PRAGMA table_info(messages)")}
    for index, (role, block) in enumerate(said):
        ids.append(f"msg_{session}_{number}{index}")
        row = {"session_id": session, "role": role, "content_json": json.dumps([block]), "message_id": ids[-1]}
        row |= {"created_timestamp": TIME + number, "metadata_json": '{"agentVisible":true}'}
        insert(database, "messages", **{name: value for name, value in row.items() if name in columns})
    database.execute("UPDATE sessions SET updated_at = datetime(?, 'unixepoch') WHERE id = ?", (TIME + number, session))
    return ids
