"""Gemini CLI."""

from __future__ import annotations

import json
import subprocess

from tests.clients.client import Client, Outcome, accepted
from tests.clients.installing import Package, npm

PACKAGE = Package("@google/gemini-cli", "0.61.0", npm)
# Gemini's clean-up takes a session that was resumed in another minute than it began in for a broken one, and deletes it
# when another starts: no test could go by what it finds.
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


class Gemini(Client):
    """``gemini -p`` in a project. Its sessions lie below ``~/.gemini/tmp``."""

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
        """The command line of one turn."""
        going_on = ["--resume", resume] if resume else []
        run = [str(self.place / "node_modules/.bin/gemini"), "-p", text, "-m", "gemini-2.5-flash"]
        return [*run, "--approval-mode", "yolo", "--output-format", "json", *going_on, *options]

    def try_turn(self, text: str, *options: str, resume: str = "") -> Outcome:
        """One turn, however it ends; `options` are more of the client's own."""
        done = self.run(*self.command(text, *options, resume=resume))
        try:
            return done._replace(session=json.loads(done.stdout).get("session_id", ""))
        except ValueError:
            return done

    def turn(self, text: str, *options: str, resume: str = "") -> str:
        """One turn; the id of its session."""
        return accepted(self.try_turn(text, *options, resume=resume)).session

    def start_turn(self, text: str, *, resume: str = "") -> subprocess.Popen[bytes]:
        """One turn beside the test."""
        return self.start(*self.command(text, resume=resume))

    def sessions(self) -> list[str]:
        """The ids of the sessions there are."""
        paths = self.home.glob(".gemini/tmp/*/chats/session-*.jsonl")
        return sorted({json.loads(path.read_bytes().splitlines()[0])["sessionId"] for path in paths})
