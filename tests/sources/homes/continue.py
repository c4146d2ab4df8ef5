"""A home with Continue's folder, one of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.sources.homes.home_files import write

SESSION = "6f1c2a34-0000-4000-8000-00000000000c"

HISTORY: list[dict[str, Any]] = [
    {"message": {"role": "user", "content": [{"type": "text", "text": "Oil the wheels"}]}, "contextItems": []},
    {
        "message": {
            "role": "assistant",
            "content": "Looking.",
            "toolCalls": [{"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}],
        },
        "contextItems": [],
        "toolCallStates": [{"toolCallId": "c1", "status": "done", "output": [{"name": "ls", "content": "a.txt"}]}],
        "promptLogs": [{"modelTitle": "analytical-1", "prompt": "…", "completion": "Looking."}],
    },
]


def session(**members: Any) -> dict[str, Any]:
    """Builds a session as the agent writes it."""
    return {
        "sessionId": SESSION,
        "title": "Wheels",
        "workspaceDirectory": "file:///home/ada/my%20engine",
        "history": HISTORY,
        **members,
    }


def make(home: Path) -> None:
    """Writes the folder below `home`."""
    entry = {"sessionId": SESSION, "title": "Wheels", "dateCreated": "1741000000000", "workspaceDirectory": "/x"}
    write(
        home / ".continue",
        {
            f"sessions/{SESSION}.json": json.dumps(session(), separators=(",", ":"), ensure_ascii=False),
            "sessions/what is this.json": "{}",
            "sessions/notes.txt": "",
            "sessions/sessions.json": json.dumps([entry]),
            "config.yaml": "models: []\n",
            "rules/brief.md": "Be brief.\n",
            "rules/.env": "KEY=1",
            ".env": "KEY=1",
            "index/lance.db": "x",
            "logs/core.log": "x",
        },
    )
