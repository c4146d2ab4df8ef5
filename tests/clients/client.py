"""A real client with its own home and project folder. It talks only to a model on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import DEVNULL
from typing import NamedTuple

from tests.clients.model.server import ModelServer

SECONDS = 120
"""The limit for one turn. A turn takes about a second, and more on a busy machine."""


class Outcome(NamedTuple):
    """The end of a client's run. `session` is the id the client printed, or empty."""

    code: int
    stdout: str
    stderr: str
    session: str = ""


class Client:
    """The base of all drivers. `place` is the folder where the client is installed.

    `environ` has the variables added to those the client needs. Nothing else of the tests' environment reaches the
    client.
    """

    def __init__(self, place: Path, model: ModelServer, home: Path, project: Path) -> None:
        self.place, self.model, self.home, self.project = place, model, home, project
        self.environ: dict[str, str] = {}
        home.mkdir(parents=True, exist_ok=True)
        project.mkdir(parents=True, exist_ok=True)
        self.set_up()

    def set_up(self) -> None:
        """Writes the files that the client needs in its home."""

    def settings(self) -> dict[str, str]:
        """Returns the variables that lead the client to the model."""
        raise NotImplementedError

    def clean_environ(self) -> dict[str, str]:
        """Builds the client's environment. `ctx` is on its path, for hooks. It has no proxy."""
        node = os.path.dirname(shutil.which("node") or "")
        path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), node, "/usr/local/bin:/usr/bin:/bin"]))
        base = {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb"}
        base |= {"NO_PROXY": "127.0.0.1", "PWD": str(self.project)}
        return base | self.settings() | self.environ

    def run(self, *command: str, input: str = "") -> Outcome:
        """Runs a command line to its end."""
        done = subprocess.run(
            command,
            cwd=self.project,
            env=self.clean_environ(),
            input=input,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)


class Talker(Client):
    """A client that takes a turn on its command line and prints the session's id."""

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        """Builds the command line of one turn. `options` are more of the client's own."""
        raise NotImplementedError

    def session_of(self, stdout: str) -> str:
        """Finds the session's id in the output of one turn. Returns an empty text if it has none."""
        raise NotImplementedError

    def next_writes(self, path: Path, text: str) -> None:
        """Makes the model's next reply a call that writes a file."""
        raise NotImplementedError

    def sessions(self) -> list[str]:
        """Lists the ids of the client's sessions."""
        raise NotImplementedError

    def try_turn(self, text: str, *options: str, resume: str = "") -> Outcome:
        """Makes one turn, whatever its exit code is."""
        done = self.run(*self.command(text, *options, resume=resume))
        return done._replace(session=self.session_of(done.stdout))

    def turn(self, text: str, *options: str, resume: str = "") -> str:
        """Makes one turn and returns the id of its session."""
        return accepted(self.try_turn(text, *options, resume=resume)).session

    @contextlib.contextmanager
    def beside(self, text: str, *, resume: str = "") -> Iterator[None]:
        """Runs one turn beside the block. At its end all processes that the client started have ended."""
        command = self.command(text, resume=resume)
        process = subprocess.Popen(
            command,
            cwd=self.project,
            env=self.clean_environ(),
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=DEVNULL,
            start_new_session=True,
        )
        try:
            yield
            process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def accepted(outcome: Outcome) -> Outcome:
    """Returns the outcome, and fails unless the client succeeded."""
    assert outcome.code == 0, (outcome.code, outcome.stdout[-2000:], outcome.stderr[-2000:])
    return outcome
