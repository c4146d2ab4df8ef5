"""An agent's home with a session of three turns, two of them saved. It can be reset for every test."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.clients.client import Talker
from tests.clients.model.replies import Turn
from tests.clients.model.server import ModelServer


class Ctx:
    """The command `ctx`, run by the user of `home`, with a repository of its own."""

    def __init__(self, home: Path, repository: Path) -> None:
        self._environ = {
            "HOME": str(home),
            "CTX_REPO": str(repository),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "XDG_CACHE_HOME": str(repository.parent / "cache"),
        }

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Runs `ctx`, whatever its exit code is."""
        command = [str(Path(sys.executable).parent / "ctx"), *args]
        return subprocess.run(command, env=self._environ, capture_output=True, text=True, timeout=60, check=False)

    def json(self, *args: str, code: int = 0) -> Any:
        """Returns the output of ``--json``, or the error's value if an exit code is expected."""
        done = self.run(*args, "--json")
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return json.loads(done.stderr)["error"] if code else json.loads(done.stdout)


class Scene:
    """An agent of a `kind`, installed at `place`, at work below `folder`.

    A reset keeps all paths, because agents record them in their files.
    """

    def __init__(self, kind: type[Talker], place: Path, folder: Path) -> None:
        self._kind, self._place, self._folder = kind, place, folder
        self.home, self.project = folder / "now" / "home", folder / "project"
        self.ctx = Ctx(self.home, folder / "now" / "repository")
        self.session = self.ref = ""
        self.two_turns: list[Turn] = []

    def prepare(self, model: ModelServer) -> None:
        """Makes two turns, the second of which writes a file, a snapshot, and a third turn. Keeps the state for
        `reset`."""
        self.ctx.json("init")
        agent = self.agent(model)
        self.session = agent.turn("one")
        agent.next_writes(self.project / "made.txt", "made")
        agent.turn("two", resume=self.session)
        self.ctx.json("snapshot")
        self.ref = next(ref for ref in self.refs() if self.session[:8] in ref)
        agent.turn("three", resume=self.session)
        self.two_turns = model.last_conversation()[:-1]
        shutil.copytree(self._folder / "now", self._folder / "kept", symlinks=True)

    def reset(self) -> None:
        """Restores home and repository to the state that `prepare` left."""
        shutil.rmtree(self._folder / "now")
        shutil.copytree(self._folder / "kept", self._folder / "now", symlinks=True)

    def agent(self, model: ModelServer, *, home: Path | None = None, project: Path | None = None) -> Any:
        """Makes the agent in this home and project, or in others."""
        return self._kind(self._place, model, home or self.home, project or self.project)

    def refs(self) -> list[str]:
        """Lists the names of the saved contexts."""
        return [each["name"] for each in self.ctx.json("refs")["refs"]]

    def files(self) -> dict[str, bytes]:
        """Reads the session's own files, by path."""
        found = {}
        for path in self.home.rglob("*"):
            with contextlib.suppress(FileNotFoundError):  # a temporary file of a running agent
                if path.is_file() and self._is_sessions(path):
                    found[str(path.relative_to(self.home))] = path.read_bytes()
        return found

    def _is_sessions(self, path: Path) -> bool:
        return self.session in str(path) or (path.suffix == ".jsonl" and self.session.encode() in path.read_bytes())
