"""A recorder of the system calls by which a program changes files, and the rules that the calls must follow."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

SOURCE = Path(__file__).parent / "trace.c"


class Call(NamedTuple):
    """A system call: write, sync, rename, link or unlink. `to` is the new path of a rename or link."""

    name: str
    path: str
    to: str


def build_library(folder: Path) -> Path:
    """Compiles the recorder. Skips the test on systems where that is impossible."""
    compiler = shutil.which("cc")
    if compiler is None or not Path("/proc/self/fd").exists():
        pytest.skip("needs a C compiler and /proc")
    made = folder / "trace.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-w", "-o", str(made), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return made


class CallTrace:
    """Records the calls of programs that run with `environ`."""

    def __init__(self, library: Path, log: Path) -> None:
        self._log = log
        self.environ = {"LD_PRELOAD": str(library), "TRACE": str(log)}

    def calls(self) -> list[Call]:
        """Returns the calls so far."""
        lines = self._log.read_text(errors="surrogateescape").splitlines() if self._log.exists() else []
        return [Call(*line.split("\t")) for line in lines]

    def clear(self) -> None:
        """Forgets the calls so far."""
        self._log.unlink(missing_ok=True)


def find_violations(calls: list[Call], folder: str, ignored: tuple[str, ...] = ()) -> Iterator[str]:
    """Yields what a power cut could lose in `folder`, except below the paths `ignored`.

    - A file is synced after its last write, before it gets a name.
    - The folder is synced after a name in it changed.
    - A file that keeps its name is not written to.
    """
    inside = os.path.join(folder, "")

    def counts(path: str) -> bool:
        return path.startswith(inside) and not any(path == each or path.startswith(each + "/") for each in ignored)

    unsynced: dict[str, int] = {}
    changed: dict[str, str] = {}
    written_to: dict[str, int] = {}
    for number, call in enumerate(calls):
        if call.name == "write" and counts(call.path):
            unsynced[call.path] = written_to[call.path] = number
        elif call.name == "sync":
            unsynced.pop(call.path, None)
            changed.pop(call.path, None)
        elif call.name in ("rename", "link") and counts(call.to):
            if call.path in unsynced:
                yield f"{call.to} got its name before its content was synced"
            written_to.pop(call.path, None)
            changed[os.path.dirname(call.to)] = call.to
        elif call.name == "unlink" and counts(call.path):
            written_to.pop(call.path, None)
            unsynced.pop(call.path, None)
            if not os.path.basename(call.path).startswith(".ctx-"):
                changed[os.path.dirname(call.path)] = call.path
    yield from (f"{path} was written in place" for path in written_to)
    yield from (
        f"the folder of {path} was not synced" for path in changed.values() if os.path.isdir(os.path.dirname(path))
    )
