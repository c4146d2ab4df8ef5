"""A home with OpenCode's folders, one of everything: a database, and the files of earlier versions."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.sources.homes.home_files import write

SESSION = "ses_e016756a9ffeAAAAAAAAAAAAAA"
CHILD = "ses_e0167569fffeBBBBBBBBBBBBBB"
OLD = "ses_6d1f00000ffeCCCCCCCCCCCCCC"
PROJECT = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
FOLDER = "/home/ada/engine"
DATA = ".local/share/opencode"
START = 1_700_000_000_000
"""The time of the first message, in ms since 1970."""

_STAMPS = "time_created INTEGER NOT NULL, time_updated INTEGER NOT NULL"
_OF_SESSION = "session_id TEXT NOT NULL REFERENCES session(id) ON DELETE CASCADE"
SCHEMA = f"""
CREATE TABLE project (id TEXT PRIMARY KEY, worktree TEXT NOT NULL, vcs TEXT, name TEXT, {_STAMPS},
    sandboxes TEXT NOT NULL);
CREATE TABLE session (id TEXT PRIMARY KEY, project_id TEXT NOT NULL REFERENCES project(id) ON DELETE CASCADE,
    parent_id TEXT, slug TEXT NOT NULL, directory TEXT NOT NULL, title TEXT NOT NULL, version TEXT NOT NULL,
    share_url TEXT, cost REAL DEFAULT 0 NOT NULL, revert TEXT, {_STAMPS});
CREATE TABLE message (id TEXT PRIMARY KEY, {_OF_SESSION}, {_STAMPS}, data TEXT NOT NULL);
CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT NOT NULL REFERENCES message(id) ON DELETE CASCADE,
    session_id TEXT NOT NULL, {_STAMPS}, data TEXT NOT NULL);
CREATE TABLE session_message (id TEXT PRIMARY KEY, {_OF_SESSION}, type TEXT NOT NULL, seq INTEGER NOT NULL,
    {_STAMPS}, data TEXT NOT NULL);
CREATE TABLE todo ({_OF_SESSION}, content TEXT NOT NULL, status TEXT NOT NULL, priority TEXT NOT NULL,
    position INTEGER NOT NULL, {_STAMPS}, PRIMARY KEY (session_id, position));
CREATE TABLE event_sequence (aggregate_id TEXT PRIMARY KEY, seq INTEGER NOT NULL, owner_id TEXT);
CREATE TABLE event (id TEXT PRIMARY KEY,
    aggregate_id TEXT NOT NULL REFERENCES event_sequence(aggregate_id) ON DELETE CASCADE,
    seq INTEGER NOT NULL, type TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE account (id TEXT PRIMARY KEY, email TEXT NOT NULL, access_token TEXT NOT NULL);
CREATE TABLE session_share (session_id TEXT PRIMARY KEY, secret TEXT NOT NULL);
CREATE INDEX message_session_time_created_id_idx ON message (session_id, time_created, id);
CREATE INDEX part_message_id_id_idx ON part (message_id, id);
CREATE INDEX part_session_idx ON part (session_id);
CREATE UNIQUE INDEX event_aggregate_seq_idx ON event (aggregate_id, seq);
"""


def make(home: Path) -> None:
    """Writes the folders below `home`."""
    data, older = home / DATA, "storage/message/" + OLD
    data.mkdir(parents=True)
    make_database(data / "opencode.db")
    write(
        data,
        {
            f"storage/session/global/{OLD}.json": json.dumps({"id": OLD, "title": "Gears", "directory": FOLDER}),
            f"{older}/msg_1.json": '{"id":"msg_1","role":"user","time":{"created":1}}',
            f"{older}/msg_2.json": '{"id":"msg_2","role":"assistant","parentID":"msg_1","modelID":"m"}',
            "storage/part/msg_1/prt_1.json": '{"id":"prt_1","type":"text","text":"Cut the gears"}',
            "storage/part/msg_2/prt_2.json": '{"id":"prt_2","type":"text","text":"Cut."}',
            f"storage/session_diff/{SESSION}.json": "[]",
            f"plans/{START}-brass-wheel.md": "# Oil, then turn\n",
            "auth.json": '{"anthropic":{"key":"secret"}}',
            "log/opencode.log": "",
        },
    )
    settings = {"opencode.json": "{}", "AGENTS.md": "Be brief.\n", "agent/oiler.md": "oils", "node_modules/x.js": ""}
    write(home / ".config/opencode", settings)


def make_database(path: Path) -> None:
    """Writes a database with two sessions, one below the other, as a program leaves it that ended normally."""
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(SCHEMA)
        insert(database, "project", id=PROJECT, worktree=FOLDER, sandboxes="[]")
        insert(database, "account", stamps=False, id="acc", email="ada@example.org", access_token="at-secret")
        insert(database, "session_share", stamps=False, session_id=SESSION, secret="share-secret")
        add_session(database, SESSION, "Oil the wheels", slug="brass-wheel")
        add_session(database, CHILD, "Look for oil", parent_id=SESSION)
        add_turn(database, SESSION, 1, "Oil the wheels", "Oiled.")
        add_turn(database, CHILD, 2, "Is there oil?", "There is.")
        insert(database, "todo", session_id=SESSION, content="turn", status="pending", priority="high", position=0)
        database.commit()


def insert(database: sqlite3.Connection, table: str, at: int = START, *, stamps: bool = True, **row: Any) -> None:
    """Inserts a row; with `stamps`, created and changed at `at`."""
    row |= {"time_created": at, "time_updated": at} if stamps else {}
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


def made_id(kind: str, at: int, number: int) -> str:
    """Builds an id as OpenCode does: the time, a number, and 14 random characters."""
    return f"{kind}_{(at * 4096 + number) % (1 << 48):012x}" + f"{number % 10}aZ" * 4 + "xy"


def add_session(database: sqlite3.Connection, id: str, title: str, **row: Any) -> None:
    """Inserts a session without messages."""
    row = {"slug": "slow-gear", "directory": FOLDER, "version": "1.18.33", "project_id": PROJECT} | row
    insert(database, "session", id=id, title=title, **row)


def add_turn(database: sqlite3.Connection, session: str, number: int, question: str, answer: str) -> tuple[str, str]:
    """Inserts a question and its answer, which used a tool. Returns the ids of both."""
    at = START + 1000 * number
    asked, answered = made_id("msg", at, 1), made_id("msg", at, 2)
    user = {"role": "user", "time": {"created": at}, "agent": "build"}
    path = {"cwd": FOLDER, "root": FOLDER}
    assistant = {"role": "assistant", "parentID": asked, "modelID": "fake", "path": path, "cost": 0.5}
    tool = {"status": "completed", "input": {"command": "ls"}, "output": "wheel\n"}
    parts = (
        (asked, {"type": "text", "text": question}),
        (answered, {"type": "step-start"}),
        (answered, {"type": "reasoning", "text": "Where is the can?"}),
        (answered, {"type": "tool", "tool": "bash", "callID": "call_1", "state": tool}),
        (answered, {"type": "text", "text": answer}),
    )
    for id, data in ((asked, user), (answered, assistant)):
        insert(database, "message", at, id=id, session_id=session, data=json.dumps(data, separators=(",", ":")))
    for index, (message, data) in enumerate(parts):
        text = json.dumps(data, separators=(",", ":"))
        id = made_id("prt", at, index)
        insert(database, "part", at, id=id, message_id=message, session_id=session, data=text)
    seen = database.execute("SELECT seq FROM event_sequence WHERE aggregate_id = ?", (session,)).fetchone()
    seq = seen[0] + 1 if seen else 0
    if not seen:
        insert(database, "event_sequence", stamps=False, aggregate_id=session, seq=0)
    insert(database, "event", stamps=False, id=f"evt_{number}", aggregate_id=session, seq=seq, type="made.1", data="{}")
    database.execute("UPDATE event_sequence SET seq = ? WHERE aggregate_id = ?", (seq, session))
    database.execute("UPDATE session SET time_updated = ? WHERE id = ?", (at, session))
    return asked, answered
