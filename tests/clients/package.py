"""Real clients, installed once from their packages into a folder that all workers and later runs share.

The folder is `CTX_TEST_CLIENTS`, else ``clients`` in tox's work folder, else one in the user's cache. A client is
installed when its marker exists. An incomplete installation is repeated.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import platformdirs
import pytest

SECONDS = 600
"""The limit for one installation. npm itself gives up much earlier when no server answers."""


class Missing(Exception):
    """The reason why the client cannot be installed here."""


class Package(NamedTuple):
    """A client at the version that the tests were written for.

    `install` fills the folder it receives. `program` is the client's program below that folder.
    """

    name: str
    version: str
    install: Callable[[str, Path], None]
    program: str

    def folder(self) -> Path:
        """Returns the client's folder, and installs the client if necessary. Skips the test if that fails; see
        `_give_up`."""
        place = _cache() / f"{self.name.replace('/', '-').lstrip('@')}-{self.version}"
        marker = place / ".complete"
        if marker.exists():
            return place
        try:
            with _locked(place.with_suffix(place.suffix + ".lock")):
                if not marker.exists():
                    self._install(place)
                    marker.touch()
        except (Missing, OSError) as why:
            _give_up(f"{self.name} {self.version} is not here and can't be installed: {why}")
        return place

    def _install(self, place: Path) -> None:
        """Installs the client. Fails at once if the installation failed for another worker of this run."""
        failed, run = place.with_suffix(place.suffix + ".failed"), os.environ.get("PYTEST_XDIST_TESTRUNUID", "")
        if run and failed.exists():
            told, _, why = failed.read_text().partition("\n")
            if told == run:
                raise Missing(why)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        try:
            self.install(f"{self.name}{{}}{self.version}", place)
            self._try(place)
        except Missing as why:
            shutil.rmtree(place, ignore_errors=True)
            failed.write_text(f"{run}\n{why}")
            raise
        failed.unlink(missing_ok=True)

    def _try(self, place: Path) -> None:
        """Runs the program once: a package may install where its program does not run."""
        program = place / self.program
        if self.version not in _run([str(program), "--version"], HOME=str(place)):
            raise Missing(f"{program.name} is not version {self.version}")


def npm(spec: str, place: Path) -> None:
    """Installs without running any package's scripts."""
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Missing(f"there is no {tool}")
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"]
    _run(["npm", "install", "--prefix", str(place), *quiet, "--fetch-retries=1", spec.format("@")])


def npm_then(script: str) -> Callable[[str, Path], None]:
    """Installs, and runs the one script that the client needs."""

    def install(spec: str, place: Path) -> None:
        npm(spec, place)
        _run(["node", str(place / script)])

    return install


def venv(spec: str, place: Path) -> None:
    """Installs into a virtual environment of its own."""
    _run([sys.executable, "-m", "venv", str(place)])
    _run([str(place / "bin" / "pip"), "install", "-q", "--disable-pip-version-check", "--retries=1", spec.format("==")])


def _run(command: list[str], **environ: str) -> str:
    """Runs a command and returns its output."""
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environ},
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{command[0]} took more than {SECONDS} s") from None
    except OSError as error:
        raise Missing(f"{command[0]}: {error.strerror}") from None
    if done.returncode:
        told = (done.stderr or done.stdout).decode(errors="replace").splitlines()
        # The first error of npm and pip is the cause. Warnings come before it, advice after it.
        cause = next((line for line in told if "error" in line.lower()), f"exit code {done.returncode}")
        raise Missing(f"{os.path.basename(command[0])} {command[1]} failed: {cause}")
    return done.stdout.decode(errors="replace")


def _cache() -> Path:
    if told := os.environ.get("CTX_TEST_CLIENTS"):
        return Path(told).absolute()
    if tox := os.environ.get("TOX_WORK_DIR"):
        return Path(tox) / "clients"
    return Path(platformdirs.user_cache_dir("ctxstore-tests")) / "clients"


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Locks the installation for one process. The others wait. The end of a process releases its lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _give_up(why: str) -> None:
    """Skips the test, or fails it if `CTX_TEST_CLIENTS_REQUIRED=1` requires all clients."""
    if os.environ.get("CTX_TEST_CLIENTS_REQUIRED", "") not in ("", "0"):
        pytest.fail(why)
    pytest.skip(why)
