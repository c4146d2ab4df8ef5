"""A made-up user's home with sessions of Claude Code, and `ctx` as a process in it, as agents run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctxstore
from ctxstore.errors import CtxstoreError

CTX = str(Path(sys.executable).parent / "ctx")
PATIENCE = 20.0


class AgentHome:
    """A home in `path`. The repository is the user's own, and does not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.claude = path / ".claude"
        self.repo = path / ".local/share/ctxstore"
        self.state = path / ".local/state/ctxstore"
        self.environ = {"HOME": str(path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        self.claude.mkdir(parents=True)

    def transcript(self, session: str, project: str = "-work-engine") -> Path:
        return self.claude / "projects" / project / f"{session}.jsonl"

    def says(self, session: str, *texts: str) -> Path:
        """Adds messages to a session."""
        path = self.transcript(session)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            for text in texts:
                record = {
                    "type": "user",
                    "sessionId": session,
                    "uuid": text,
                    "message": {"role": "user", "content": text},
                }
                file.write(json.dumps(record) + "\n")
        return path

    def payload(self, session: str, event: str, **more: Any) -> bytes:
        """Builds the payload that Claude Code passes to a hook."""
        said = {"session_id": session, "transcript_path": str(self.transcript(session)), "hook_event_name": event}
        return json.dumps({**said, "cwd": "/work/engine", **more}).encode()

    def run(self, *words: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Runs `ctx` with these arguments."""
        return subprocess.run(
            [CTX, *words], input=input, env=self.environ, cwd=self.path, capture_output=True, timeout=60, check=False
        )

    def hook(self, session: str, event: str, *options: str) -> None:
        """Runs a hook of Claude Code, which must succeed and print nothing."""
        done = self.run("hook", "claude-code", *options, event, input=self.payload(session, event))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def saved(self, session: str, repo: Path | None = None) -> list[str]:
        """Reads the texts of the session's newest commit."""
        try:
            with ctxstore.open(repo or self.repo) as opened:
                return [part.text for message in opened.messages(session) for part in message.parts]
        except CtxstoreError:
            return []

    def contexts(self) -> set[str]:
        """Lists the names of the saved contexts."""
        try:
            with ctxstore.open(self.repo) as opened:
                return {name for name, _ in opened.refs()}
        except CtxstoreError:
            return set()

    def queued(self) -> list[str]:
        """Lists the requests in the queue."""
        folder = self.state / "hooks"
        return sorted(name for name in os.listdir(folder) if name not in ("lock", "claims")) if folder.is_dir() else []


def eventually(is_so: Callable[[], object]) -> None:
    """Waits until a condition holds, and fails after `PATIENCE` seconds."""
    until = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


class LoggedCtx:
    """A `ctx` at a path of its own that agents are set up with. It logs its calls."""

    def __init__(self, agents: AgentHome) -> None:
        self._agents = agents
        self._program = agents.path / "my bin" / "ctx"
        self._log = agents.path / "calls"

    def install(self, agent: str) -> None:
        """Installs the hooks of an agent, so that the agent calls this program."""
        self._program.parent.mkdir()
        self._program.symlink_to(CTX)
        words = [str(self._program), "install", agent]
        subprocess.run(words, env=self._agents.environ, capture_output=True, check=True)
        self._program.unlink()
        self._program.write_text(f'#!/bin/sh\necho "$@" >> "{self._log}"\nexec "{CTX}" "$@"\n'.replace("$x", "\\$x"))
        self._program.chmod(0o755)

    def remove(self) -> None:
        """Deletes the program, as the package manager does."""
        self._program.unlink()

    def events(self) -> list[str]:
        """Lists the events that it was called for, in order."""
        return [line.split()[2] for line in self._log.read_text().splitlines()] if self._log.exists() else []
