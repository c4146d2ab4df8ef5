"""The driver of OpenCode."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.clients.client import Talker
from tests.clients.package import Package, npm_then

PACKAGE = Package(
    "opencode-ai", "1.18.33", npm_then("node_modules/opencode-ai/postinstall.mjs"), "node_modules/.bin/opencode"
)


class OpenCode(Talker):
    """``opencode run`` in a project. Its sessions are in ``~/.local/share/opencode/opencode.db``."""

    def set_up(self) -> None:
        """Writes the settings and makes the database: a session can only be restored into an existing database."""
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "options": {"baseURL": f"{self.model.url}/v1", "apiKey": "made-up-key"},
            "models": {"made-up": {"tool_call": True, "limit": {"context": 100_000, "output": 4096}}},
        }
        settings = {
            "model": "made-up/made-up",
            "enabled_providers": ["made-up"],
            "provider": {"made-up": provider},
            "agent": {"title": {"disable": True}},
            "permission": {"edit": "allow", "external_directory": "allow"},
            "autoupdate": False,
            "share": "disabled",
        }
        path = self.home / ".config/opencode/opencode.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
        if not self.database.exists():
            self.run(str(self.place / PACKAGE.program), "session", "list")

    @property
    def database(self) -> Path:
        """The database of all sessions."""
        return self.home / ".local/share/opencode/opencode.db"

    def settings(self) -> dict[str, str]:
        names = ("AUTOUPDATE", "MODELS_FETCH", "DEFAULT_PLUGINS", "LSP_DOWNLOAD", "SHARE")
        return {f"OPENCODE_DISABLE_{name}": "1" for name in names}

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        going_on = ["--session", resume] if resume else []
        return [str(self.place / PACKAGE.program), "run", "--format", "json", *options, *going_on, text]

    def session_of(self, stdout: str) -> str:
        events = (json.loads(line) for line in stdout.splitlines() if line.startswith("{"))
        return next((str(event["sessionID"]) for event in events if "sessionID" in event), "")

    def next_writes(self, path: Path, text: str) -> None:
        self.model.call("write", filePath=str(path), content=text)

    def sessions(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as database:
            return [id for (id,) in database.execute("SELECT id FROM session ORDER BY id")]
