"""The driver of Codex CLI."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

from tests.clients.client import Talker
from tests.clients.package import Package, npm

PACKAGE = Package("@openai/codex", "0.171.0", npm, "node_modules/.bin/codex")


class Codex(Talker):
    """``codex exec`` in a project. Its sessions are below ``~/.codex/sessions``; its settings are arguments."""

    def set_up(self) -> None:
        (self.home / ".codex").mkdir(exist_ok=True)

    def settings(self) -> dict[str, str]:
        return {"CODEX_HOME": str(self.home / ".codex"), "MADE_UP_KEY": "x"}

    def options(self) -> list[str]:
        """Returns the settings that lead Codex to the model and to no other server."""
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

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        going_on = ["resume", resume] if resume else []
        run = [str(self.place / PACKAGE.program), "exec", "--skip-git-repo-check", "--json"]
        return [*run, *self.options(), *options, *going_on, text]

    def session_of(self, stdout: str) -> str:
        events = [json.loads(line) for line in stdout.splitlines() if line.startswith("{")]
        return next((event["thread_id"] for event in events if event.get("type") == "thread.started"), "")

    def next_writes(self, path: Path, text: str) -> None:
        self.model.call("exec_command", cmd=f"printf %s {shlex.quote(text)} > {shlex.quote(str(path))}")

    def ask(self, method: str, **parameters: Any) -> Any:
        """Sends Codex a request of an editor and returns the answer."""
        with self.editor() as ask:
            return ask(method, **parameters)

    @contextlib.contextmanager
    def editor(self) -> Iterator[Callable[..., Any]]:
        """Yields a function that sends Codex a request of an editor and returns the answer, after the end of a turn."""
        command = [str(self.place / PACKAGE.program), "app-server", *self.options()]
        with subprocess.Popen(
            command, cwd=self.project, env=self.clean_environ(), stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True
        ) as server:
            assert server.stdin and server.stdout
            events = map(json.loads, server.stdout)
            numbers = count(1)

            def send(request: dict[str, Any]) -> None:
                assert server.stdin
                server.stdin.write(json.dumps(request) + "\n")
                server.stdin.flush()

            def ask(method: str, **parameters: Any) -> Any:
                number = next(numbers)
                send({"id": number, "method": method, "params": parameters})
                answer = next(each for each in events if each.get("id") == number)
                assert "result" in answer, answer
                if method == "turn/start":
                    next(each for each in events if each.get("method") == "turn/completed")
                return answer["result"]

            hello = {"name": "tests", "version": "1"}
            ask("initialize", clientInfo=hello, capabilities={"experimentalApi": True})
            send({"method": "initialized"})
            yield ask
            server.stdin.close()

    def fork(self, session: str, text: str) -> str:
        """Forks a thread, and says something in the fork. Returns its id."""
        with self.editor() as ask:
            fork: str = ask("thread/fork", threadId=session)["thread"]["id"]
            ask("turn/start", threadId=fork, input=[{"type": "text", "text": text}])
        return fork

    def take_back(self, session: str, number: int, text: str) -> None:
        """Takes back the turns from `number` on, and says something else."""
        with self.editor() as ask:
            ask("thread/resume", threadId=session)
            turns = ask("thread/read", threadId=session, includeTurns=True)["thread"]["turns"]
            ask("thread/revert", threadId=session, beforeTurnId=turns[number]["id"])
            ask("turn/start", threadId=session, input=[{"type": "text", "text": text}])

    def listed(self, **parameters: Any) -> dict[str, Any]:
        """Lists the threads in Codex's own list, by id."""
        threads = self.ask("thread/list", sourceKinds=["cli", "exec"], modelProviders=[], **parameters)["data"]
        return {thread["id"]: thread for thread in threads}

    def shown(self, session: str) -> list[str]:
        """Lists the user's messages of a thread, as Codex shows them."""
        turns = self.ask("thread/read", threadId=session, includeTurns=True)["thread"]["turns"]
        items = (item for turn in turns for item in turn["items"] if item["type"] == "userMessage")
        return [item["content"][0]["text"] for item in items]

    def sessions(self) -> list[str]:
        return sorted(path.stem[-36:] for path in self.home.glob(".codex/sessions/*/*/*/rollout-*.jsonl"))
