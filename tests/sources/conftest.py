"""An agent's home, written for these tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SESSION = "6f1c2a34-0000-4000-8000-00000000000a"
GONE = "6f1c2a34-0000-4000-8000-00000000000b"
PROJECT = "-home-ada-engine"


def write(root: Path, files: dict[str, str]) -> None:
    for key, text in files.items():
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def claude_home(tmp_path: Path) -> Path:
    """A home with ``.claude`` in it that has one of everything."""
    old_agent = json.dumps({"parentUuid": None, "sessionId": SESSION, "type": "user"}, separators=(",", ":"))
    project = f"projects/{PROJECT}"
    write(
        tmp_path / ".claude",
        {
            f"{project}/{SESSION}.jsonl": '{"type":"user","message":{"content":"Oil the wheels"}}\n',
            f"{project}/{SESSION}/subagents/agent-1.jsonl": "{}\n",
            f"{project}/{SESSION}/tool-results/t1.txt": "long output",
            f"{project}/agent-old1.jsonl": old_agent + "\n",
            f"{project}/agent-old2.jsonl": "not json\n",
            f"{project}/{GONE}/tool-results/t2.txt": "what remains",
            f"{project}/memory/MEMORY.md": "# Wheels\n",
            f"{project}/sessions-index.json": "{}",
            f"file-history/{SESSION}/abc@v1": "before",
            f"todos/{SESSION}-agent-{SESSION}.json": "[]",
            f"tasks/{SESSION}/1.json": "{}",
            "todos/unknown-agent-unknown.json": "[]",
            "settings.json": "{}",
            "CLAUDE.md": "Be brief.\n",
            "history.jsonl": "{}\n",
            "agents/reviewer.md": "reviews",
            "plugins/installed_plugins.json": '{"plugins":{}}',
            "plugins/known_marketplaces.json": '{"m":{"url":"https://ada:hunter2@example.org/m.git"}}',
            "plugins/cache/big.js": "x",
            "shell-snapshots/s.sh": "export KEY=1",
            ".credentials.json": '{"token":"t"}',
        },
    )
    write(tmp_path, {".claude.json": '{"oauth":"t"}'})
    return tmp_path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one of everything."""
    root = tmp_path / "notes"
    write(root, {"a.txt": "a", "deep/er/b.txt": "b"})
    (root / "empty").mkdir()
    (root / "link").symlink_to("nowhere")
    return root
