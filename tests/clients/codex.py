"""Codex CLI."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from tests.clients.client import Client, Outcome, accepted
from tests.clients.installing import Package, npm

PACKAGE = Package("@openai/codex", "0.169.0", npm)


class Codex(Client):
    """``codex exec`` in a project. Its sessions lie below ``~/.codex/sessions``; all settings come by arguments."""

    def set_up(self) -> None:
        (self.home / ".codex").mkdir(exist_ok=True)

    def settings(self) -> dict[str, str]:
        return {"CODEX_HOME": str(self.home / ".codex"), "MADE_UP_KEY": "x"}

    def options(self) -> list[str]:
        """The settings that lead Codex to the model, and keep it from looking elsewhere."""
        provider = f'{{name="made-up",base_url="{self.model.url}/v1",wire_api="responses",env_key="MADE_UP_KEY"}}'
        settings = {
            "model": '"made-up"',
            "model_provider": '"made-up"',
            "model_providers.made-up": provider,
            "approval_policy": '"never"',
            "sandbox_mode": '"danger-full-access"',
            "analytics.enabled": "false",
        } | {f"features.{name}": "false" for name in ("plugins", "apps", "remote_plugin")}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def command(self, text: str, *options: str, resume: str = "", fork: str = "") -> list[str]:
        """The command line of one turn."""
        going_on = ["resume", resume] if resume else ["fork", fork] if fork else []
        run = [str(self.place / "node_modules/.bin/codex"), "exec", "--skip-git-repo-check", "--json"]
        return [*run, *self.options(), *options, *going_on, text]

    def try_turn(self, text: str, *options: str, resume: str = "", fork: str = "") -> Outcome:
        """One turn, however it ends; `options` are more of the client's own."""
        done = self.run(*self.command(text, *options, resume=resume, fork=fork))
        started = (
            event.get("thread_id", "") for event in _events(done.stdout) if event.get("type") == "thread.started"
        )
        return done._replace(session=next(started, ""))

    def turn(self, text: str, *options: str, resume: str = "", fork: str = "") -> str:
        """One turn; the id of its session."""
        return accepted(self.try_turn(text, *options, resume=resume, fork=fork)).session

    def start_turn(self, text: str, *, resume: str = "") -> subprocess.Popen[bytes]:
        """One turn beside the test."""
        return self.start(*self.command(text, resume=resume))

    def sessions(self) -> list[str]:
        """The ids of the sessions there are."""
        return sorted(path.stem[-36:] for path in self.home.glob(".codex/sessions/*/*/*/rollout-*.jsonl"))


def _events(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
