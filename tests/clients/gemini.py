"""The driver of Gemini CLI."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clients.client import Talker, accepted
from tests.clients.package import Package, npm

PACKAGE = Package("@google/gemini-cli", "0.61.0", npm, "node_modules/.bin/gemini")
# Gemini's cleanup considers a session broken that was resumed in another minute than it began in. It deletes such a
# session when another starts, so that tests could not rely on their files.
SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
    "general": {
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
        "sessionRetention": {"enabled": False},
    },
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
}


class Gemini(Talker):
    """``gemini -p`` in a project. Its sessions are below ``~/.gemini/tmp``."""

    def set_up(self) -> None:
        settings = self.home / ".gemini" / "settings.json"
        if not settings.exists():
            settings.parent.mkdir(exist_ok=True)
            settings.write_text(json.dumps(SETTINGS, indent=2))

    def settings(self) -> dict[str, str]:
        return {
            "GEMINI_API_KEY": "made-up",
            "GOOGLE_GEMINI_BASE_URL": self.model.url,
            "GEMINI_CLI_NO_RELAUNCH": "true",
        }

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        going_on = ["--resume", resume] if resume else []
        run = [str(self.place / PACKAGE.program), "-p", text, "-m", "gemini-2.5-flash"]
        return [*run, "--approval-mode", "yolo", "--output-format", "json", *going_on, *options]

    def session_of(self, stdout: str) -> str:
        try:
            return str(json.loads(stdout).get("session_id", ""))
        except ValueError:
            return ""

    def next_writes(self, path: Path, text: str) -> None:
        self.model.call("write_file", file_path=str(path), content=text)

    def listed(self) -> str:
        """Returns Gemini's own list of its sessions."""
        return accepted(self.run(str(self.place / PACKAGE.program), "--list-sessions")).stdout

    def sessions(self) -> list[str]:
        paths = self.home.glob(".gemini/tmp/*/chats/session-*.jsonl")
        return sorted({json.loads(path.read_bytes().splitlines()[0])["sessionId"] for path in paths})
