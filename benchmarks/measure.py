"""Running a command, and measuring its time and the memory of its largest process."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


class CommandFailed(Exception):
    """A measured command ended with an unexpected exit code."""


@dataclass(frozen=True)
class Cost:
    """The elapsed seconds, and the peak memory of the largest single process in bytes."""

    seconds: float
    memory: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, max(self.memory, other.memory))


@dataclass(frozen=True)
class Place:
    """The folder and environment in which commands run, and the file for their output."""

    folder: Path
    environment: dict[str, str]
    output: Path


def run(command: Sequence[str], place: Place, *, codes: tuple[int, ...] = (0,)) -> Cost:
    """Runs a command until it ends. Raises `CommandFailed` if its exit code is not one of `codes`.

    The kernel counts a child's memory from the fork on. So the size of this process is the minimum that can be
    measured. Work that needs much memory (making homes, plots) runs in separate processes, or after the measurements.
    """
    with place.output.open("wb") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=place.folder,
            env=place.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        cost, code = finish(process, begin)
    if code not in codes:
        raise CommandFailed(
            f"{' '.join(command)}: exit code {code}\n{place.output.read_text(errors='replace')[-2000:]}"
        )
    return cost


def finish(process: subprocess.Popen[bytes], begin: float) -> tuple[Cost, int]:
    """Waits for a process. Returns its cost and exit code. Includes those of its children that it waited for."""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    # Keeps Popen from waiting again.
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(seconds, usage.ru_maxrss * 1024), process.returncode


def size_of(folder: Path) -> int:
    """Returns the bytes of all files below a folder, or of one file."""
    return sum(entry.st_size for entry in _stats(folder))


def disk_size_of(folder: Path) -> int:
    """Returns the bytes that the same files occupy on the disk, in full blocks."""
    return sum(entry.st_blocks * 512 for entry in _stats(folder))


def _stats(folder: Path) -> Iterable[os.stat_result]:
    if folder.is_file():
        yield folder.stat()
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.lstat(os.path.join(parent, name))


def median(values: Iterable[float]) -> float:
    return statistics.median(values)
