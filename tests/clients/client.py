"""A real client in a home and a project folder of its own, that talks to a model on loopback and to nobody else."""

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
"""For one turn, which takes about one, on a machine that has much else to do."""


class Outcome(NamedTuple):
    """How a run of a client ended. `session`: the id it gave, empty if it gave none."""

    code: int
    stdout: str
    stderr: str
    session: str = ""


class Client:
    """What the drivers of all clients have in common. `place`: where the client is installed.

    `environ`: variables added to those the client needs; nothing else of the tests' environment reaches it.
    """

    def __init__(self, place: Path, model: ModelServer, home: Path, project: Path) -> None:
        self.place, self.model, self.home, self.project = place, model, home, project
        self.environ: dict[str, str] = {}
        home.mkdir(parents=True, exist_ok=True)
        project.mkdir(parents=True, exist_ok=True)
        self.set_up()

    def set_up(self) -> None:
        """Put what the client has to find in its home."""

    def settings(self) -> dict[str, str]:
        """The variables that lead the client to the model."""
        raise NotImplementedError

    def clean_environ(self) -> dict[str, str]:
        """What the client runs with. `ctx` is on its path, for hooks; there is no proxy."""
        node = os.path.dirname(shutil.which("node") or "")
        path = os.pathsep.join(filter(None, [str(Path(sys.executable).parent), node, "/usr/local/bin:/usr/bin:/bin"]))
        base = {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", "TERM": "dumb"}
        base |= {"NO_PROXY": "127.0.0.1", "PWD": str(self.project)}
        return base | self.settings() | self.environ

    def run(self, *command: str, input: str = "") -> Outcome:
        """A command line, until it ends."""
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
    """A client that is given a turn on its command line, and gives the session's id back."""

    def command(self, text: str, *options: str, resume: str = "") -> list[str]:
        """The command line of one turn; `options` are more of the client's own."""
        raise NotImplementedError

    def session_of(self, stdout: str) -> str:
        """The session's id in what one turn printed; empty if there is none."""
        raise NotImplementedError

    def next_writes(self, path: Path, text: str) -> None:
        """The model's next reply is to write a file."""
        raise NotImplementedError

    def sessions(self) -> list[str]:
        """The ids of the sessions there are."""
        raise NotImplementedError

    def try_turn(self, text: str, *options: str, resume: str = "") -> Outcome:
        """One turn, however it ends."""
        done = self.run(*self.command(text, *options, resume=resume))
        return done._replace(session=self.session_of(done.stdout))

    def turn(self, text: str, *options: str, resume: str = "") -> str:
        """One turn; the id of its session."""
        return accepted(self.try_turn(text, *options, resume=resume)).session

    @contextlib.contextmanager
    def beside(self, text: str, *, resume: str = "") -> Iterator[None]:
        """One turn that begins with the block and, with all processes the client started, has ended when it is left."""
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
    """The outcome, if the client ended well."""
    assert outcome.code == 0, (outcome.code, outcome.stdout[-2000:], outcome.stderr[-2000:])
    return outcome
