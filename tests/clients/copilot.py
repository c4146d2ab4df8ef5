"""The driver of GitHub Copilot CLI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.clients.client import Talker
from tests.clients.package import Package, npm

PACKAGE = Package("@github/copilot", "1.0.102", npm, "node_modules/.bin/copilot")


class Copilot(Talker):
    """``copilot -p`` in a project, offline. Its sessions are below ``~/.copilot/session-state``."""

    def settings(self) -> dict[str, str]:
        return {
            "COPILOT_PROVIDER_BASE_URL": f"{self.model.url}/v1",
            "COPILOT_PROVIDER_TYPE": "openai",
            "COPILOT_PROVIDER_API_KEY": "made-up-key",
            "COPILOT_MODEL": "made-up",
            "COPILOT_OFFLINE": "true",
            "COPILOT_AUTO_UPDATE": "false",
            # It unpacks itself into this folder, at each start into a new one.
            "XDG_CACHE_HOME": str(self.place / "cache"),
        }

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        going_on = [f"--resume={resume}"] if resume else []
        run = [str(self.place / PACKAGE.program), "-p", text, "--allow-all-tools", "--output-format", "json"]
        return [*run, *options, *going_on]

    def session_of(self, stdout: str) -> str:
        ends = (event for event in _events(stdout) if event.get("type") == "result")
        return next((str(event.get("sessionId", "")) for event in ends), "")

    def next_writes(self, path: Path, text: str) -> None:
        self.model.call("bash", command=f"printf %s '{text}' > '{path}'", description="write")

    def sessions(self) -> list[str]:
        return sorted(path.parent.name for path in self.home.glob(".copilot/session-state/*/events.jsonl"))


def _events(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
