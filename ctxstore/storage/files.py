"""The one place that touches the file system on the store's behalf.

`LocalStorage` does all of its work through these few calls, so that a test can record them, replay
them up to any point, or make any of them fail.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator

if sys.platform == "win32":  # pragma: no cover
    raise ImportError("ctxstore keeps local repositories on POSIX systems only; use WSL on Windows")

import fcntl

_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)


class Files:
    """The operating system's calls, with permissions 0600 and 0700."""

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file from `offset`, at most `length` of them."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if length is None:
                length = max(0, os.fstat(fd).st_size - offset)
            return self._read_all(fd, offset, length)
        finally:
            self.close(fd)

    @staticmethod
    def _read_all(fd: int, offset: int, length: int) -> bytes:
        data = os.pread(fd, length, offset)
        if len(data) == length or not data:
            return data
        parts = [data]
        done = len(data)
        while done < length:
            data = os.pread(fd, length - done, offset + done)
            if not data:
                break
            parts.append(data)
            done += len(data)
        return b"".join(parts)

    def size(self, path: str) -> int:
        return os.stat(path).st_size

    def create(self, path: str) -> int:
        """Open a new file for writing; it must not exist."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write(self, fd: int, data: bytes | memoryview) -> None:
        """Write all of `data`, however short the single writes are."""
        done = os.write(fd, data)
        if done == len(data):
            return
        rest = memoryview(data)[done:]
        while rest:
            done = os.write(fd, rest)
            if done == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            rest = rest[done:]

    def sync(self, fd: int) -> None:
        """Make a file durable. A failure is final: the kernel may have dropped the pages, so never retry."""
        if _FULL_SYNC is not None:
            fcntl.fcntl(fd, _FULL_SYNC)
        else:
            os.fsync(fd)

    def sync_existing(self, path: str) -> None:
        """Make a file durable that somebody else wrote."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self.sync(fd)
        finally:
            os.close(fd)

    def close(self, fd: int) -> None:
        """Let a descriptor go. What has to last was synced before: an error says nothing about it, and it is gone."""
        try:
            os.close(fd)
        except OSError:
            pass

    def sync_folder(self, path: str) -> None:
        """Make the names in a folder durable."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            self.close(fd)

    def rename(self, old: str, new: str) -> None:
        os.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name; it must not exist."""
        os.link(old, new)

    def unlink(self, path: str) -> None:
        os.unlink(path)

    def make_folder(self, path: str) -> None:
        """Make a folder, and those above it, durably; nothing happens when it is there."""
        if self.is_folder(path):
            return
        above = os.path.dirname(os.path.abspath(path))
        self.make_folder(above)
        try:
            self.add_folder(path)
        except FileExistsError:
            if not self.is_folder(path):
                raise
        self.sync_folder(above)

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(path)

    def add_folder(self, path: str) -> None:
        """Make one folder, whose name is durable when the folder above it has been synced."""
        os.mkdir(path, 0o700)

    def scan(self, path: str) -> Iterator[tuple[str, int]]:
        """(name, size) of the plain files in a folder."""
        with os.scandir(path) as entries:
            for entry in entries:
                try:
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    size = entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # deleted since the folder was read
                yield entry.name, size

    def lock(self, path: str, *, shared: bool = False, wait: bool = True) -> int | None:
        """Lock a file that is never deleted; the descriptor holds the lock. None if it may not wait."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if self.relock(fd, shared=shared, wait=wait):
                return fd
        except BaseException:
            self.close(fd)
            raise
        self.close(fd)
        return None

    def unlock(self, fd: int) -> None:
        """Let a lock go for every process that inherited its descriptor, too: a fork must not keep it."""
        try:
            fcntl.flock(fd, fcntl.LOCK_UN)
        except OSError:
            pass  # closing lets it go, too, if nobody else has the descriptor
        self.close(fd)

    def relock(self, fd: int, *, shared: bool, wait: bool) -> bool:
        """Change the lock that `fd` holds. May drop it for a moment, and wholly when it returns False."""
        flags = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(fd, flags)
        except BlockingIOError:
            return False
        return True
