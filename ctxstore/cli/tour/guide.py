"""The steps of the tour. Each printed command is run, and each claim of the tour is verified."""

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

_UNSET = ("CTX_REPO", "CLAUDE_CONFIG_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
"""The variables removed during the tour, so that only the sample home is found."""


class TourStep(NamedTuple):
    """A command of the tour, its exit code, and its output."""

    command: str
    exit_code: int
    output: str


class Tour:
    """A tour through the home folder `home`. `run` runs a command line and returns its exit code."""

    def __init__(self, output: Output, home: SampleHome, run: RunCommand) -> None:
        self._output = output
        self._home = home
        self._run_command = run
        self.steps: list[TourStep] = []

    def run(self) -> None:
        """Runs the whole tour. Raises `CtxstoreError` if a claim of the tour is false."""
        with _home_environment(self._home.path):
            self._save()
            self._inspect()
            self._restore_deleted()
            self._restore_overwritten()
            self._print_heading("Finally, read and verify every stored byte, and show the sizes.")
            self._run_ctx("check --read-data")
            self._run_ctx("stats")

    def _save(self) -> None:
        self._home.write_first_turn()
        self._print_heading("An agent has worked on a project. One command saves its session and settings.")
        self._run_ctx("snapshot")
        self._home.write_second_turn()
        self._print_heading("The session continues. The next snapshot stores only the new data.")
        self._run_ctx('snapshot -m "the tests pass"')
        self._print_heading("If nothing has changed, nothing is stored.")
        self._run_ctx("snapshot")

    def _inspect(self) -> None:
        self._print_heading("See what is saved: the runs, the contexts, a session's commits, and its last change.")
        self._run_ctx("log")
        self._run_ctx("refs")
        self._run_ctx(f"log {SHORT}")
        self._run_ctx(f"diff {SHORT}")

    def _restore_deleted(self) -> None:
        before = self._transcript_hash()
        self._home.delete_transcript()
        self._print_heading("Now the agent cleans up old sessions, and deletes this one.")
        self._run_ctx("snapshot")
        self._print_heading("The snapshot reports the deleted session and keeps it. Restore it:")
        self._run_ctx(f"checkout {SHORT} --yes")
        self._verify_restored(before)

    def _restore_overwritten(self) -> None:
        before = self._transcript_hash()
        self._home.overwrite_transcript()
        self._print_heading("Worse: a new session overwrites the file of the old one.")
        self._run_ctx("snapshot")
        self._verify(self._is_flagged(), "the snapshot did not mark the session as shrunk")
        self._print_heading("The snapshot marks this commit as shrunk. Restore the one before it:")
        self._run_ctx(f"checkout {SHORT}~1 --yes")
        self._verify_restored(before)

    def _is_flagged(self) -> bool:
        import ctxstore
        from ctxstore.cli.repository import default_path

        with ctxstore.open(default_path()) as repo:
            return repo.resolve(CONTEXT).commit.shrunk

    def _transcript_hash(self) -> str:
        with open(self._home.transcript, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest()

    def _verify_restored(self, before: str) -> None:
        after = self._transcript_hash() if os.path.exists(self._home.transcript) else "no file"
        self._verify(after == before, f"the session was restored as {after} instead of {before}")
        self._report(Styled("identical, byte for byte: ", "green"), f"SHA-256 {after[:16]}… before and after")

    def _verify(self, is_true: bool, failure: str) -> None:
        if not is_true:
            raise CtxstoreError(f"the tour failed: {failure}", hint=f"its files are in {self._home.path}")

    def _print_heading(self, text: str) -> None:
        self._report()
        self._report(bold(text))

    def _report(self, *pieces: str | Styled) -> None:
        self._output.report(*pieces)

    def _run_ctx(self, arguments: str) -> None:
        command = f"ctx {arguments}"
        self._report()
        self._report(Styled(f"$ {command}", "cyan"))
        sys.stdout.flush()
        if self._output.json or self._output.quiet:
            code, text = _run_captured(self._run_command, shlex.split(arguments))
        else:
            code, text = self._run_command(shlex.split(arguments)), ""
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        self.steps.append(TourStep(command, code, text))
        self._verify(code == 0, f"`{command}` ended with exit code {code}")


def _run_captured(run: RunCommand, arguments: list[str]) -> tuple[int, str]:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    with redirect_stdout(stream), redirect_stderr(stream):
        prepare_streams()
        code = run(arguments)
    stream.seek(0)
    return code, stream.read()


@contextmanager
def _home_environment(home: str) -> Iterator[None]:
    """Makes `home` the user's home folder for the block, so that no other files are read or written."""
    environ, folder = dict(os.environ), os.getcwd()
    os.environ["HOME"] = home
    for name in _UNSET:
        os.environ.pop(name, None)
    os.chdir(home)
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environ)
