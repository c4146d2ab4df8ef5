"""Decides whether a path is a SQLite database, and how to read it without changing its files. This module does not
import `sqlite3`."""

from __future__ import annotations

import os
import stat
import struct
from enum import Enum
from typing import NamedTuple

from ctxstore.errors import SourceError

_MAGIC = b"SQLite format 3\0"
_HEADER = 100
_READ_VERSION = 19
_WRITE_AHEAD = 2


class OpenMode(Enum):
    """The way a database is opened.

    - SHARED: as its agent opens it, read-only, with SQLite's locks. No reader blocks a writer of a write-ahead log.
    - STILL: no program has it open, and everything is in the one file. SQLite would create two files beside it, and
      leave them. It does not if the file is declared immutable. The reader verifies that it did not change meanwhile.
    - COPIED: a log is left, but not its index, because a program was killed or the files were copied. SQLite would
      write the index, so it reads copies.
    """

    SHARED = 1
    STILL = 2
    COPIED = 3


class FileState(NamedTuple):
    """The state of a file, which differs after a change; empty if the file is missing."""

    size: int = 0
    mtime_ns: int = 0
    inode: int = 0


class DatabaseFile(NamedTuple):
    """A database that was examined: its path, the way to open it, and the states of the file and its log at that
    time."""

    path: str
    way: OpenMode
    file: FileState
    log: FileState

    def is_as_it_was(self) -> bool:
        """Whether the file and its log are still in the state that was examined."""
        return (self.file, self.log) == (state_of(self.path), state_of(self.path + "-wal"))


def find_place(path: str) -> DatabaseFile:
    """Examines the file at `path`, and returns the way to open it. Raises `SourceError` for a link or a file that is no
    database."""
    file, log = state_of(path), state_of(path + "-wal")
    header = _read_header(path)
    if not header:
        raise SourceError("empty: no database yet")
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise SourceError("not a SQLite database")
    if _is_cut_short(header, file.size) and not log.size:
        raise SourceError("cut short: pages at its end are missing")
    if header[_READ_VERSION] > _WRITE_AHEAD:
        raise SourceError("a version of SQLite's format that is not known")
    if header[_READ_VERSION] != _WRITE_AHEAD:
        return DatabaseFile(path, OpenMode.SHARED, file, log)
    if log.inode and os.path.lexists(path + "-shm"):
        return DatabaseFile(path, OpenMode.SHARED, file, log)
    return DatabaseFile(path, OpenMode.COPIED if log.size else OpenMode.STILL, file, log)


def state_of(path: str) -> FileState:
    """Returns the file's state. Raises `SourceError` if it can't be read, or if it is a link or no file."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return FileState()
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error
    if not stat.S_ISREG(found.st_mode):
        link = stat.S_ISLNK(found.st_mode)
        raise SourceError("a symlink, which is not followed" if link else "not a file")
    return FileState(found.st_size, found.st_mtime_ns, found.st_ino)


def _read_header(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error
    # Closing it gives up every lock this process has on the file: nothing here keeps a connection open meanwhile.
    try:
        return os.read(fd, _HEADER)
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error
    finally:
        os.close(fd)


def _is_cut_short(header: bytes, size: int) -> bool:
    page, _, changes, pages = struct.unpack_from(">H6sII", header, 16)
    (valid_for,) = struct.unpack_from(">I", header, 92)
    return bool(changes == valid_for and pages and size < pages * (65536 if page == 1 else page))
