"""The driver of Claude Code."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clients.client import Talker
from tests.clients.package import Package, npm_then

PACKAGE = Package(
    "@anthropic-ai/claude-code",
    "2.1.332",
    npm_then("node_modules/@anthropic-ai/claude-code/install.cjs"),
    "node_modules/.bin/claude",
)


class Claude(Talker):
    """``claude -p`` in a project. Its sessions are below ``~/.claude/projects``."""

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
        going_on = ["--resume", resume] if resume else []
        run = [str(self.place / PACKAGE.program), "-p", text, "--output-format", "json"]
        return [*run, "--permission-mode", "acceptEdits", *going_on, *options]

    def session_of(self, stdout: str) -> str:
        try:
            return str(json.loads(stdout).get("session_id", ""))
        except ValueError:
            return ""

    def next_writes(self, path: Path, text: str) -> None:
        self.model.call("Write", file_path=str(path), content=text)

    def sessions(self) -> list[str]:
        return sorted(path.stem for path in self.home.glob(".claude/projects/*/*.jsonl"))
