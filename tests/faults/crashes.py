"""Every state that a crash may leave a simulated file system in."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product
from math import prod
from typing import NamedTuple

from tests.faults.simulated import FOLDER, Capture, SimulatedFiles

ALL_SUBSETS = 1 << 6
"""The number of combinations of lost and kept changes up to which all of them are tried. Beyond it, a sample is tried.
"""


class Disk(NamedTuple):
    """The folders and files after a crash. All of their bytes are durable."""

    folders: frozenset[str]
    files: Mapping[str, bytes]

    def mounted(self) -> SimulatedFiles:
        """Creates a file system with this content."""
        return SimulatedFiles.holding(self.files, self.folders)

    def fingerprint(self) -> int:
        """Computes a number that is equal for equal states."""
        return hash((self.folders, frozenset(self.files.items())))


def iter_disks(capture: Capture, samples: int, seed: int) -> Iterator[Disk]:
    """Yields the states that a crash at this moment may leave.

    The first is what is certainly durable, the second is everything, and the others lie between. A state may occur more
    than once.
    """
    options = _options(capture)
    yield from _with_data(capture, {})
    yield from _with_data(capture, {path: found[-1] for path, found in options.items()})
    if prod(map(len, options.values())) <= ALL_SUBSETS:
        for targets in product(*options.values()):
            yield from _with_data(capture, dict(zip(options, targets, strict=True)))
        return
    generator = random.Random(seed)
    for _ in range(samples):
        yield random_disk(capture, generator)


def random_disk(capture: Capture, generator: random.Random) -> Disk:
    """Draws one of the states that a crash at this moment may leave."""
    chosen = {path: generator.choice(found) for path, found in _options(capture).items()}
    return generator.choice(list(_with_data(capture, chosen)))


def _options(capture: Capture) -> dict[str, list[int | None]]:
    """Maps each name to its possible targets: the target at the last sync of the folder, and that of every later
    change."""
    options: dict[str, list[int | None]] = {}
    for path, target in capture.changes:
        options.setdefault(path, [capture.names.get(path)]).append(target)
    return options


def _with_data(capture: Capture, chosen: Mapping[str, int | None]) -> Iterator[Disk]:
    """Yields the disks with these names, for each way in which the files' bytes may be truncated."""
    names = _reachable({**capture.names, **chosen})
    folders = frozenset(path for path, number in names.items() if number == FOLDER)
    numbers = {path: number for path, number in names.items() if number != FOLDER}
    dirty = [n for n in dict.fromkeys(numbers.values()) if capture.synced.get(n, b"") != capture.data[n]]
    for contents in _combined([torn(capture.synced.get(n, b""), capture.data[n]) for n in dirty]):
        data = dict(zip(dirty, contents, strict=True))
        yield Disk(folders, {path: data.get(n, capture.data[n]) for path, n in numbers.items()})


def _combined(variants: list[tuple[bytes, ...]]) -> Iterator[tuple[bytes, ...]]:
    """Combines each variant with each. If there are many files, all are truncated in the same way."""
    if prod(map(len, variants)) <= ALL_SUBSETS:
        return product(*variants)
    most = max(map(len, variants))
    return (tuple(found[i % len(found)] for found in variants) for i in range(most))


def _reachable(names: Mapping[str, int | None]) -> dict[str, int]:
    """Drops names that no longer exist, and names in folders that no longer exist."""
    found: dict[str, int] = {}
    for path in sorted(names):  # a folder precedes its content
        number = names[path]
        if number is not None and (path == "/" or found.get(os.path.dirname(path)) == FOLDER):
            found[path] = number
    return found


@lru_cache(4096)
def torn(synced: bytes, data: bytes) -> tuple[bytes, ...]:
    """Lists the possible contents, after a crash, of a file that grew from `synced` to `data` without a sync.

    None is longer than what was written: no file system gives a file more bytes than that.
    """
    tail = data[len(synced) :]
    size = len(tail)
    kept = sorted({length for length in (0, 1, 512, 4096, size - 1) if 0 <= length < size})
    half = size // 2
    garbage = random.Random(size).randbytes(size - half)
    return (
        data,
        *(synced + tail[:length] for length in kept),
        synced + tail[:half] + garbage,
        synced + bytes(size),
    )
