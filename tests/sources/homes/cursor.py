"""A home with Cursor's folders, one of everything: the editor's database, a workspace, a chat."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from base64 import b64encode
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.sources.homes.home_files import write

CONVERSATION, OTHER, EMPTY = (f"{number}f1c2a34-0000-4000-8000-00000000000a" for number in (1, 2, 3))
CHAT = "4f1c2a34-0000-4000-8000-00000000000a"
FOLDER = "/home/ada/my engine"
EDITOR, COMMAND = ".config/Cursor/User", ".cursor"
INNER = b'{"role":"user","content":"oil"}'
OUTER = b"\x0a\x20" + hashlib.sha256(INNER).digest()
"""Two pieces, the second of which contains the id of the first."""


def make(home: Path) -> None:
    """Writes the folders below `home`."""
    editor, command = home / EDITOR, home / COMMAND
    settings = {"settings.json": "{}", "snippets/python.json": "{}", "History/1/x": "kept by the editor"}
    workspace = {"workspaceStorage/abc/workspace.json": json.dumps({"folder": "file:///home/ada/my%20engine"})}
    write(editor, settings | workspace)
    make_database(editor / "globalStorage/state.vscdb")
    with closing(sqlite3.connect(editor / "workspaceStorage/abc/state.vscdb")) as database:
        database.execute("CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
        listed = {"allComposers": [{"composerId": CONVERSATION, "name": "Oil the wheels"}]}
        put(database, "ItemTable", "composer.composerData", json.dumps(listed))
        put(database, "ItemTable", "secret://token", "ws-secret")
        database.commit()
    said = [{"role": "user", "message": {"content": [{"type": "text", "text": "Cut the gears"}]}}]
    said += [{"role": "assistant", "message": {"content": [{"type": "text", "text": "Cut."}]}}]
    transcript = f"projects/home-ada-engine/agent-transcripts/{CHAT}.jsonl"
    lines = "".join(json.dumps(line) + "\n" for line in said)
    others = {"rules/brief.md": "Be brief.", "mcp.json": "{}", f"chats/d41d/{CHAT}/meta.json": "{}"}
    write(command, {transcript: lines, **others})
    with closing(sqlite3.connect(command / f"chats/d41d/{CHAT}/store.db")) as database:
        database.execute("CREATE TABLE blobs (id TEXT PRIMARY KEY, data BLOB)")
        database.execute("INSERT INTO blobs VALUES (?, ?)", (hashlib.sha256(INNER).hexdigest(), INNER))
        database.commit()


def make_database(path: Path) -> None:
    """Writes the editor's database: a conversation with an answer that was undone, one without a workspace, an empty
    one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        for table in ("ItemTable", "cursorDiskKV"):
            database.execute(f"CREATE TABLE {table} (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
        put(database, "ItemTable", "cursorAuth/accessToken", "editor-secret")
        outer = hashlib.sha256(OUTER).digest()
        state = "~" + b64encode(b"\x0a\x20" + outer).decode()
        add_conversation(database, CONVERSATION, "Oil the wheels", ["b", "a"], conversationState=state)
        add_bubble(database, CONVERSATION, "b", 1, text="Oil the wheels")
        tool = {"name": "run_terminal_cmd", "toolCallId": "call_1", "rawArgs": '{"command":"ls"}'}
        more: dict[str, Any] = {"modelInfo": {"modelName": "fake"}, "createdAt": "2026-11-21T14:53:01.000Z"}
        answer = {"thinking": {"text": "Where is the can?"}, "toolFormerData": tool | {"result": "wheel"}, **more}
        add_bubble(database, CONVERSATION, "a", 2, text="Oiled.", **answer)
        add_bubble(database, CONVERSATION, "0", 2, text="Oil it yourself.")
        pair(database, f"checkpointId:{CONVERSATION}:c1", '{"files":[]}')
        for piece in (INNER, OUTER, b"of another conversation"):
            pair(database, "agentKv:blob:" + hashlib.sha256(piece).hexdigest(), piece)
        add_conversation(database, OTHER, "", ["x"])
        add_bubble(database, OTHER, "x", 1, text="Look for oil")
        add_conversation(database, EMPTY, "", [])
        database.commit()


def put(database: sqlite3.Connection, table: str, key: str, value: str | bytes) -> None:
    """Writes a pair, and replaces the one with that key."""
    database.execute(f"INSERT OR REPLACE INTO {table} (key, value) VALUES (?, ?)", (key, value))


def pair(database: sqlite3.Connection, key: str, value: str | bytes) -> None:
    """Writes a pair into the conversations' table."""
    put(database, "cursorDiskKV", key, value)


def add_conversation(database: sqlite3.Connection, id: str, name: str, bubbles: list[str], **more: Any) -> None:
    """Writes a conversation's own value."""
    headers = [{"bubbleId": bubble, "type": 1} for bubble in bubbles]
    value = {"composerId": id, "name": name, "fullConversationHeadersOnly": headers, **more}
    pair(database, f"composerData:{id}", json.dumps(value))


def add_bubble(database: sqlite3.Connection, conversation: str, bubble: str, kind: int, **more: Any) -> None:
    """Writes a message."""
    pair(database, f"bubbleId:{conversation}:{bubble}", json.dumps({"type": kind, "bubbleId": bubble, **more}))
