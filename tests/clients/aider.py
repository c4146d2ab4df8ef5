"""The driver of aider."""

from __future__ import annotations

import json
from pathlib import Path

from tests.clients.client import Client, Outcome, accepted
from tests.clients.package import Package, venv

PACKAGE = Package("aider-chat", "0.86.2", venv, "bin/aider")
QUIET = (
    *("--model", "openai/made-up", "--no-show-model-warnings", "--yes-always", "--no-auto-commits", "--no-pretty"),
    *("--no-stream", "--map-tokens", "0", "--no-check-update", "--analytics-disable", "--no-gitignore"),
    *("--no-show-release-notes", "--no-fancy-input"),
)
"""The options with which aider runs without a terminal and contacts only the model."""


class Aider(Client):
    """aider in a project, which contains its history."""

    def set_up(self) -> None:
        """Writes a list of prices. If it is missing or empty, aider downloads one."""
        prices = self.home / ".aider" / "caches" / "model_prices_and_context_window.json"
        prices.parent.mkdir(parents=True, exist_ok=True)
        prices.write_text(json.dumps({"made-up": {}}))

    def settings(self) -> dict[str, str]:
        return {
            "OPENAI_API_KEY": "sk-made-up",
            "OPENAI_API_BASE": f"{self.model.url}/v1",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        }

    @property
    def python(self) -> Path:
        """The interpreter that aider is installed for."""
        return self.place / "bin" / "python"

    def turn(self, text: str, *arguments: str) -> Outcome:
        """Makes one turn. `arguments` are files and more options."""
        return accepted(self.run(str(self.place / PACKAGE.program), *QUIET, "--message", text, *arguments))

    def type(self, *lines: str, arguments: tuple[str, ...] = (), command: tuple[str, ...] = ()) -> Outcome:
        """Types lines at aider's prompt, and ends aider. `command` replaces aider's own command."""
        run = command or (str(self.place / PACKAGE.program),)
        return accepted(self.run(*run, *QUIET, *arguments, input="".join(f"{line}\n" for line in lines)))
