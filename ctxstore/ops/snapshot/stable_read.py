"""The reading of files that an agent may be writing at the same time."""

import os
import stat
from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from ctxstore.errors import SourceError

BLOCK = 4 << 20
"""Bytes per read."""
TRIES = 3
"""Reads of a file that keeps changing."""

T = TypeVar("T")


class Stamp(NamedTuple):
    """The properties of a file that change when it is written, as the file system reports them. Times are in ns."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int


def stamp_of(stat: os.stat_result) -> Stamp:
    """Returns the stamp of a stat result."""
    return Stamp(stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_mode)


class Reading(NamedTuple, Generic[T]):
    """The result of `read_stable`.

    `value` is the return value of `consume`. `is_stable` is False if the file changed during every read.
    """

    value: T
    stamp: Stamp
    is_stable: bool


def read_stable(path: str, consume: Callable[[Iterator[bytes]], T]) -> Reading[T]:
    """Passes a file's blocks to `consume`, and repeats this if the file changed while it was read.

    If the file changes during every read, the last version is returned: a torn last line is part of the file's state.
    Raises `SourceError` if the file can't be read.
    """
    for last in range(TRIES - 1, -1, -1):
        with _open_regular(path) as fd:
            before = stamp_of(os.fstat(fd))
            value = consume(_blocks(fd, path, before.size))
            after = stamp_of(os.fstat(fd))
        if before == after or not last:
            return Reading(value, after, before == after)
    raise AssertionError


class _open_regular:
    """A context manager that opens a regular file for reading and yields its descriptor."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> int:
        try:
            # Do not follow a link that replaced the file, and do not block on a FIFO.
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from error
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            os.close(self._fd)
            raise SourceError(f"{self._path}: no longer a regular file")  # a FIFO must not be stored as an empty file
        return self._fd

    def __exit__(self, *exc: object) -> None:
        os.close(self._fd)


def _blocks(fd: int, path: str, expected: int) -> Iterator[bytes]:
    """Yields blocks up to the file's end.

    The last read asks for one byte more than `expected`, so that a short read proves the end without another call.
    """
    while True:
        requested = min(BLOCK, max(expected, 0) + 1)
        try:
            block = os.read(fd, requested)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        if block:
            yield block
        expected -= len(block)
        # A short read is the end of the file only if no more bytes are expected: some file systems return partial
        # reads.
        if not block or (len(block) < requested and expected <= 0):
            return
