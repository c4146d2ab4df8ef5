"""The steps of the tour. Every command is run as it is printed, and every promise is put to the test."""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import NamedTuple

from ctxstore.cli.errors import INTERRUPTED
from ctxstore.cli.render.output import Output, Styled, bold
from ctxstore.cli.render.printable import prepare_streams
from ctxstore.cli.tour.sample import CONTEXT, SESSION, SampleHome
from ctxstore.errors import CtxstoreError

RunCommand = Callable[[list[str]], int]

SHORT = SESSION[:8]

_FORGOTTEN = ("CTX_REPO", "CLAUDE_CONFIG_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")


class TourStep(NamedTuple):
    """A command that was run."""

    command: str
    exit_code: int
    output: str


class Tour:
    """One tour through the home `home`; `run` runs a command line and gives its exit code."""

    def __init__(self, output: Output, home: SampleHome, run: RunCommand) -> None:
        self._output = output
        self._home = home
        self._run = run
        self.steps: list[TourStep] = []

    def take(self) -> None:
        """All of it. Raises `CtxstoreError` where something is not as promised."""
        with _at_home(self._home.path):
            self._save()
            self._look()
            self._lose_by_deletion()
            self._lose_by_overwriting()
            self._say("Last, every stored byte is read and verified, and counted.")
            self._ctx("check --read-data")
            self._ctx("stats")

    def _save(self) -> None:
        self._home.first_turn()
        self._say("An agent has worked on a project. One command saves all it knows.")
        self._ctx("snapshot")
        self._home.second_turn()
        self._say("The session goes on. The next snapshot costs what is new.")
        self._ctx('snapshot -m "the tests pass"')
        self._say("Nothing new? Then nothing is stored.")
        self._ctx("snapshot")

    def _look(self) -> None:
        self._say("What was saved: the runs, the contexts, one session's commits, the last change in it.")
        self._ctx("log")
        self._ctx("refs")
        self._ctx(f"log {SHORT}")
        self._ctx(f"diff {SHORT}")

    def _lose_by_deletion(self) -> None:
        before = self._fingerprint()
        self._home.delete()
        self._say("Now the loss. The agent cleans up, and the session's file is deleted.")
        self._ctx("snapshot")
        self._say("The snapshot names it, and keeps it. It goes back to where it was:")
        self._ctx(f"checkout {SHORT} --yes")
        self._compare(before)

    def _lose_by_overwriting(self) -> None:
        before = self._fingerprint()
        self._home.overwrite()
        self._say("Or worse: the file is still there, but a new session has overwritten it.")
        self._ctx("snapshot")
        self._promise(self._is_flagged(), "the snapshot should have flagged the session as shrunk")
        self._say("That is in the history too, flagged. The state before it comes back:")
        self._ctx(f"checkout {SHORT}~1 --yes")
        self._compare(before)

    def _is_flagged(self) -> bool:
        import ctxstore
        from ctxstore.cli.repository import default_path

        with ctxstore.open(default_path()) as repo:
            return repo.resolve(CONTEXT).commit.shrunk

    def _fingerprint(self) -> str:
        with open(self._home.transcript, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def _compare(self, before: str) -> None:
        after = self._fingerprint() if os.path.exists(self._home.transcript) else "no file"
        self._promise(after == before, f"the session came back as {after}, and was {before}")
        self._report(Styled("identical, byte for byte: ", "green"), f"SHA-256 {after[:16]}… before and after")

    def _promise(self, kept: bool, otherwise: str) -> None:
        if not kept:
            raise CtxstoreError(f"the tour found a fault: {otherwise}", hint=f"its files are in {self._home.path}")

    def _say(self, text: str) -> None:
        self._report()
        self._report(bold(text))

    def _report(self, *pieces: str | Styled) -> None:
        self._output.report(*pieces)

    def _ctx(self, arguments: str) -> None:
        command = f"ctx {arguments}"
        self._report()
        self._report(Styled(f"$ {command}", "cyan"))
        sys.stdout.flush()
        if self._output.json or self._output.quiet:
            code, text = _captured(self._run, shlex.split(arguments))
        else:
            code, text = self._run(shlex.split(arguments)), ""
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        self.steps.append(TourStep(command, code, text))
        self._promise(code == 0, f"`{command}` ended with exit code {code}")


def _captured(run: RunCommand, arguments: list[str]) -> tuple[int, str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(stream), redirect_stderr(stream):
        prepare_streams()
        code = run(arguments)
    stream.seek(0)
    return code, stream.read()


@contextmanager
def _at_home(home: str) -> Iterator[None]:
    """As if `home` were the user's, who has set nothing up: nothing else is found, read or written."""
    environ, folder = dict(os.environ), os.getcwd()
    os.environ["HOME"] = home
    for name in _FORGOTTEN:
        os.environ.pop(name, None)
    os.chdir(home)
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
