"""Reads a source's file while its agent may be writing it."""

import os
import stat
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from ctxstore.errors import SourceError

BLOCK = 4 << 20
TRIES = 3

T = TypeVar("T")


class Stamp(NamedTuple):
    """What tells whether a file changed, as the file system keeps it; times in ns."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int


def stamp_of(stat: os.stat_result) -> Stamp:
    """The stamp of a file's state."""
    return Stamp(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_mode)


class Reading(NamedTuple, Generic[T]):
    """What `read_stable` made of a file. Unless `is_stable`, it changed while it was read, every time."""

    value: T
    stamp: Stamp
    is_stable: bool


def read_stable(path: str, consume: Callable[[Iterator[bytes]], T]) -> Reading[T]:
    """Give a file's blocks to `consume`, again if the file changed meanwhile. Raises `SourceError`.

    A file that changes at every try is kept as it was read last: a torn last line is what was there.
    """
    for last in range(TRIES - 1, -1, -1):
        with _opened(path) as fd:
            before = stamp_of(os.fstat(fd))
            value = consume(_blocks(fd, path, before.size))
            after = stamp_of(os.fstat(fd))
        if before == after or not last:
            return Reading(value, after, before == after)
    raise AssertionError


class _opened:
    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> int:
        try:
            # A link put in a file's place, or a FIFO that would block for ever, is not followed.
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            os.close(self._fd)
            raise SourceError(f"{self._path}: no longer a file")  # else a FIFO would be read as an empty one
        return self._fd

    def __exit__(self, *exc: object) -> None:
        os.close(self._fd)


def _blocks(fd: int, path: str, expected: int) -> Iterator[bytes]:
    """Blocks up to the file's end, which one byte asked for beyond the `expected` size tells at once."""
    while True:
        asked = min(BLOCK, max(expected, 0) + 1)
        try:
            block = os.read(fd, asked)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        if block:
            yield block
        expected -= len(block)
        # Fewer bytes than asked for are the end only if no more are expected: some file systems give parts.
        if not block or (len(block) < asked and expected <= 0):
            return
