"""Running a command: how long it took, and the largest process it needed."""

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
    """Seconds by the clock, and the most memory (bytes) that any one process had."""

    seconds: float
    memory: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.seconds + other.seconds, max(self.memory, other.memory))


@dataclass(frozen=True)
class Place:
    """Where commands run: their folder, environment, and the file that takes what they print."""

    folder: Path
    environment: dict[str, str]
    output: Path


def run(command: Sequence[str], place: Place, *, codes: tuple[int, ...] = (0,)) -> Cost:
    """Run a command to its end.

    The kernel counts a child's memory from the fork on, so this process's own size is the least that can be
    measured: whatever is large (making homes, plots) is done in processes of its own, or after.
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
    """Wait for a process; its cost and exit code. Its children count once it has waited for them."""
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    # Popen must not wait for it again.
    process.returncode = os.waitstatus_to_exitcode(status)
    return Cost(seconds, usage.ru_maxrss * 1024), process.returncode


def size_of(folder: Path) -> int:
    """Bytes of all the files below a folder (or of one file)."""
    return sum(entry.st_size for entry in _stats(folder))


def disk_size_of(folder: Path) -> int:
    """Bytes that the same files take from the disk, in whole blocks."""
    return sum(entry.st_blocks * 512 for entry in _stats(folder))


def _stats(folder: Path) -> Iterable[os.stat_result]:
    if folder.is_file():
        yield folder.stat()
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.lstat(os.path.join(parent, name))


def median(values: Iterable[float]) -> float:
    return statistics.median(values)
