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
SAMPLE = 4096
"""Bytes at the end of each block that must still be the same if the file only grew."""

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
    """Passes a file's blocks to `consume`, up to the size that the file has when it is opened.

    So the time is bounded, however fast the file grows.

    - If the file changed during the read, it is read again.
    - A large file that only grew is not read again. The next snapshot saves the added part.
    - If the file changes during every read, the last version is returned, even if its last line is incomplete.

    Raises `SourceError` if the file can't be read.
    """
    for last in range(TRIES - 1, -1, -1):
        with _open_regular(path) as fd:
            before = stamp_of(os.fstat(fd))
            blocks = _Blocks(fd, path, before.size)
            value = consume(iter(blocks))
            after = stamp_of(os.fstat(fd))
            is_appended = BLOCK < before.size < after.size and blocks.are_kept()
        if before == after or not last:
            return Reading(value, after, before == after)
        if is_appended:
            return Reading(value, before, False)
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


class _Blocks:
    """The blocks of an open file up to `size`, or one block of a file that reports no size."""

    __slots__ = ("_fd", "_left", "_path", "_position", "_samples", "_window")

    def __init__(self, fd: int, path: str, size: int) -> None:
        self._fd, self._path = fd, path
        self._left = size or BLOCK
        self._position = self._window = 0
        self._samples: list[tuple[int, bytes]] = []

    def __iter__(self) -> Iterator[bytes]:
        while self._left > 0 and (block := self._read(min(BLOCK, self._left))):
            self._left -= len(block)  # some file systems return partial reads
            self._position += len(block)
            self._keep_sample(block[-SAMPLE:])
            yield block

    def _keep_sample(self, end: bytes) -> None:
        """Keeps the end of a block. Of several partial reads within `BLOCK` bytes, the last one counts."""
        if self._samples and self._position - self._window < BLOCK:
            self._samples.pop()
        else:
            self._window = self._position
        self._samples.append((self._position - len(end), end))

    def are_kept(self) -> bool:
        """Whether the file still contains the samples, that is the end of each block read. An append changes none."""
        try:
            return all(os.pread(self._fd, len(sample), start) == sample for start, sample in self._samples)
        except OSError:
            return False

    def _read(self, size: int) -> bytes:
        try:
            return os.read(self._fd, size)
        except OSError as error:
            raise SourceError(f"{self._path}: {error.strerror}") from error
