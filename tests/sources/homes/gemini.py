"""A home with Gemini CLI's folder, one of everything."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.sources.homes.home_files import write

SESSION = "6f1c2a34-0000-4000-8000-00000000000a"
OLD = "7a1c2a34-0000-4000-8000-00000000000b"
GONE = "8b1c2a34-0000-4000-8000-00000000000c"
SUBAGENT = "9c1c2a34-0000-4000-8000-00000000000d"
PROJECT = "/home/ada/engine"
HASH = sha256(PROJECT.encode()).hexdigest()
STEM = "session-2026-01-01T10-00-6f1c2a34"
NAME = "6f1c2a34-2026-01-01T10-00"


def jsonl(*records: dict[str, Any]) -> str:
    """Builds the records as Gemini CLI appends them."""
    return "".join(json.dumps(record, separators=(",", ":"), ensure_ascii=False) + "\n" for record in records)


def head(session: str = SESSION, kind: str = "main") -> dict[str, Any]:
    """Builds a session's first line."""
    time = "2026-01-01T10:00:00.000Z"
    return {"sessionId": session, "projectHash": HASH, "startTime": time, "lastUpdated": time, "kind": kind}


def said(id: str, type: str, content: Any, **more: Any) -> dict[str, Any]:
    """Builds a message."""
    return {"id": id, "timestamp": "2026-01-01T10:00:01.000Z", "type": type, "content": content, **more}


CONTEXT = f"<session_context>\nThis is the Gemini CLI.\n- **Workspace Directories:**\n  - {PROJECT}\n</session_context>"

SESSION_TEXT = jsonl(
    head(),
    {"$set": {"messages": [said("c0", "user", [{"text": CONTEXT}])], "lastUpdated": "2026-01-01T10:00:00.100Z"}},
    said("u1", "user", [{"text": "Oil the wheels"}]),
    {"$set": {"lastUpdated": "2026-01-01T10:00:02.000Z"}},
    said("g1", "gemini", "Oiled.", model="gemini-2.5-flash", thoughts=[], tokens={"total": 15}),
)
OLD_DOCUMENT = head(OLD) | {"messages": [said("o1", "user", "Wind the clock"), said("o2", "gemini", "Wound.")]}


def make(home: Path) -> None:
    """Writes the folder below `home`."""
    engine = "tmp/engine"
    write(
        home / ".gemini",
        {
            f"{engine}/.project_root": PROJECT,
            f"{engine}/chats/{STEM}.jsonl": SESSION_TEXT,
            f"{engine}/chats/session-2026-01-02T10-00-6f1c2a34.jsonl": jsonl(head()),
            f"{engine}/chats/session-2025-11-01T10-00-7a1c2a34.json": json.dumps(OLD_DOCUMENT, indent=2),
            f"{engine}/chats/{SESSION}/{SUBAGENT}.jsonl": jsonl(head(SUBAGENT, "subagent")),
            f"{engine}/{SESSION}/plans/plan.md": "1. Oil\n",
            f"{engine}/tool-outputs/session-{SESSION}/shell_1.txt": "long output",
            f"{engine}/tool-outputs/session-{GONE}/shell_2.txt": "what remains",
            f"{engine}/tool-outputs/read_file_3.txt": "as older versions kept it",
            f"{engine}/logs/session-{SESSION}.jsonl": "{}\n",
            f"{engine}/logs.json": "[]",
            f"{engine}/shell_history": "ls\n",
            f"{engine}/memory/MEMORY.md": "# Wheels\n",
            f"{engine}/checkpoint-before.json": "[]",
            f"{engine}/checkpoints/2026-01-01-write.json": "{}",
            "history/engine/.project_root": PROJECT,
            "history/engine/.git/HEAD": "ref: refs/heads/main\n",
            f"tmp/{HASH}/chats/session-2025-09-01T10-00-1a1c2a34.json": json.dumps(OLD_DOCUMENT),
            "tmp/bin/rg": "a program",
            "settings.json": "{}",
            "GEMINI.md": "Be brief.\n",
            "projects.json": json.dumps({"projects": {PROJECT: "engine"}}, indent=2),
            "commands/test.toml": 'prompt = "Test it"',
            "extensions/clock/gemini-extension.json": "{}",
            "extensions/clock/index.js": "x",
            "oauth_creds.json": '{"token":"t"}',
            "google_accounts.json": '{"active":"ada@example.org"}',
            "mcp-oauth-tokens.json": "[]",
            "installation_id": "i",
        },
    )
