"""A home with Claude Code's folder, one of everything."""

from __future__ import annotations

import json
from pathlib import Path

from tests.sources.homes.home_files import write

SESSION = "6f1c2a34-0000-4000-8000-00000000000a"
GONE = "6f1c2a34-0000-4000-8000-00000000000b"
PROJECT = "-home-ada-engine"


def make(home: Path) -> None:
    """Writes the folder below `home`."""
    old_agent = json.dumps({"parentUuid": None, "sessionId": SESSION, "type": "user"}, separators=(",", ":"))
    project = f"projects/{PROJECT}"
    write(
        home / ".claude",
        {
            f"{project}/{SESSION}.jsonl": '{"type":"user","message":{"content":"Oil the wheels"}}\n',
            f"{project}/{SESSION}/subagents/agent-1.jsonl": "{}\n",
            f"{project}/{SESSION}/tool-results/t1.txt": "long output",
            f"{project}/agent-old1.jsonl": old_agent + "\n",
            f"{project}/agent-old2.jsonl": "not json\n",
            f"{project}/{GONE}/tool-results/t2.txt": "what remains",
            f"{project}/memory/MEMORY.md": "# Wheels\n",
            f"{project}/sessions-index.json": "{}",
            f"{project}/notes.txt": "found beside the sessions",
            f"file-history/{SESSION}/abc@v1": "before",
            f"todos/{SESSION}-agent-{SESSION}.json": "[]",
            f"tasks/{SESSION}/1.json": "{}",
            "todos/unknown-agent-unknown.json": "[]",
            "settings.json": "{}",
            "CLAUDE.md": "Be brief.\n",
            "history.jsonl": "{}\n",
            "agents/reviewer.md": "reviews",
            "agent-memory/reviewer/MEMORY.md": "# Learned\n",
            "teams/crew/inboxes/b.json": "[]",
            "plugins/installed_plugins.json": '{"plugins":{}}',
            "plugins/known_marketplaces.json": '{"m":{"url":"https://ada:hunter2@example.org/m.git"}}',
            "plugins/cache/big.js": "x",
            "shell-snapshots/s.sh": "export KEY=1",
            ".credentials.json": '{"token":"t"}',
        },
    )
    write(home, {".claude.json": '{"oauth":"t"}'})
