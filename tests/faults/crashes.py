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
"""Up to as many combinations of lost and kept changes are all tried; of more, a sample."""


class Disk(NamedTuple):
    """What is there after a crash: folders and files with their bytes, all of it durable."""

    folders: frozenset[str]
    files: Mapping[str, bytes]

    def mounted(self) -> SimulatedFiles:
        """A file system to go on with."""
        return SimulatedFiles.holding(self.files, self.folders)

    def fingerprint(self) -> int:
        """Equal for equal states."""
        return hash((self.folders, frozenset(self.files.items())))


def iter_disks(capture: Capture, samples: int, seed: int) -> Iterator[Disk]:
    """What a crash at this moment may leave: first what is durable for certain, then the whole, then what is between.

    A state may come up more than once.
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
    """One of all that a crash at this moment may leave."""
    chosen = {path: generator.choice(found) for path, found in _options(capture).items()}
    return generator.choice(list(_with_data(capture, chosen)))


def _options(capture: Capture) -> dict[str, list[int | None]]:
    """What each name may lead to: where it did when its folder was synced, or where any change since made it."""
    options: dict[str, list[int | None]] = {}
    for path, target in capture.changes:
        options.setdefault(path, [capture.names.get(path)]).append(target)
    return options


def _with_data(capture: Capture, chosen: Mapping[str, int | None]) -> Iterator[Disk]:
    """The disks whose names are these, with each way in which the files' bytes may be cut short."""
    names = _reachable({**capture.names, **chosen})
    folders = frozenset(path for path, number in names.items() if number == FOLDER)
    numbers = {path: number for path, number in names.items() if number != FOLDER}
    dirty = [n for n in dict.fromkeys(numbers.values()) if capture.synced.get(n, b"") != capture.data[n]]
    for contents in _combined([torn(capture.synced.get(n, b""), capture.data[n]) for n in dirty]):
        data = dict(zip(dirty, contents, strict=True))
        yield Disk(folders, {path: data.get(n, capture.data[n]) for path, n in numbers.items()})


def _combined(variants: list[tuple[bytes, ...]]) -> Iterator[tuple[bytes, ...]]:
    """Each with each; of many files, all of them cut short in the same way."""
    if prod(map(len, variants)) <= ALL_SUBSETS:
        return product(*variants)
    most = max(map(len, variants))
    return (tuple(found[i % len(found)] for found in variants) for i in range(most))


def _reachable(names: Mapping[str, int | None]) -> dict[str, int]:
    """Without names that are gone, and those in folders that are."""
    found: dict[str, int] = {}
    for path in sorted(names):  # a folder comes before what is in it
        number = names[path]
        if number is not None and (path == "/" or found.get(os.path.dirname(path)) == FOLDER):
            found[path] = number
    return found


@lru_cache(4096)
def torn(synced: bytes, data: bytes) -> tuple[bytes, ...]:
    """What a crash may make of a file that was not synced since it grew from `synced` to `data`.

    It is never longer than what was written: no file system gives a file more bytes than that.
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
