"""Claude Code."""

from __future__ import annotations

import json
import subprocess

from tests.clients.client import Client, Outcome, accepted
from tests.clients.installing import Package, npm_then

PACKAGE = Package(
    "@anthropic-ai/claude-code", "2.1.329", npm_then("node_modules/@anthropic-ai/claude-code/install.cjs")
)


class Claude(Client):
    """``claude -p`` in a project. Its sessions lie below ``~/.claude/projects``."""

    def settings(self) -> dict[str, str]:
        off = ("NONESSENTIAL_TRAFFIC", "TERMINAL_TITLE", "BACKGROUND_TASKS")
        return {
            "ANTHROPIC_BASE_URL": self.model.url,
            "ANTHROPIC_API_KEY": "sk-ant-made-up-000",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_AUTOUPDATER": "1",
        } | {f"CLAUDE_CODE_DISABLE_{name}": "1" for name in off}

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        """The command line of one turn."""
        going_on = ["--resume", resume] if resume else []
        return [
            str(self.place / "node_modules/.bin/claude"),
            "-p",
            text,
            "--output-format",
            "json",
            *going_on,
            *options,
        ]

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
        return sorted(path.stem for path in self.home.glob(".claude/projects/*/*.jsonl"))
