"""The file system calls of a local repository.

`LocalStorage` uses only these calls. So a test can record them, replay them up to any point, or make any of them fail.

Each call opens the folder that the path's last name is in. It does not follow a link there or at the last name, and
opens nothing but regular files.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator

if sys.platform == "win32":  # pragma: no cover
    raise ImportError("local repositories need a POSIX system; on Windows, use WSL")

import fcntl

from ctxstore.storage.descriptor import close, is_kept
from ctxstore.storage.entries import FOLDER, make_one_folder, open_file, opened_folder, split
from ctxstore.storage.failures import ForeignEntry

_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)


class Files:
    """The file system calls. New files have mode 0600, new folders 0700."""

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Returns at most `length` bytes of a file from `offset`, or all bytes from there if `length` is None."""
        fd, status = open_file(path, os.O_RDONLY)
        try:
            rest = max(0, status.st_size - offset)
            return self._read_all(fd, offset, rest if length is None else min(rest, length))
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
        """Returns the size of a regular file in bytes. Raises `ForeignEntry` if it is another kind."""
        folder, name = split(path)
        with opened_folder(folder) as at:
            status = os.stat(name, dir_fd=at, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise ForeignEntry(path, status.st_mode)
        return status.st_size

    def next_data(self, path: str, offset: int) -> int | None:
        """Returns the first offset from `offset` that is not in a hole of the file, or None if only holes follow."""
        fd, status = open_file(path, os.O_RDONLY)
        try:
            return os.lseek(fd, offset, os.SEEK_DATA)
        except OSError as error:
            return None if error.errno == errno.ENXIO or offset >= status.st_size else offset
        finally:
            self.close(fd)

    def create(self, path: str) -> int:
        """Creates a file and returns its descriptor for writing. Raises `FileExistsError` if it exists."""
        return open_file(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)[0]

    def write(self, fd: int, data: bytes | memoryview) -> None:
        """Writes all of `data`, even if the system writes it in several parts."""
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
        """Makes a file durable. Never retry after a failure: the kernel may have dropped the pages."""
        if _FULL_SYNC is not None:
            fcntl.fcntl(fd, _FULL_SYNC)
        else:
            os.fsync(fd)

    def sync_existing(self, path: str) -> None:
        """Makes a file durable that another process wrote."""
        fd, _ = open_file(path, os.O_RDONLY)
        try:
            self.sync(fd)
        finally:
            self.close(fd)

    def close(self, fd: int) -> None:
        """Closes a descriptor and ignores errors. Everything that must be durable was synced before."""
        close(fd)

    def sync_folder(self, path: str) -> None:
        """Makes the names in a folder durable."""
        with opened_folder(path, FOLDER) as fd:
            os.fsync(fd)

    def rename(self, old: str, new: str) -> None:
        (source, name), (target, new_name) = split(old), split(new)
        with opened_folder(source) as at, opened_folder(target) as new_at:
            os.rename(name, new_name, src_dir_fd=at, dst_dir_fd=new_at)

    def link(self, old: str, new: str) -> None:
        """Gives a file a second name. Raises `FileExistsError` if that name exists."""
        (source, name), (target, new_name) = split(old), split(new)
        with opened_folder(source) as at, opened_folder(target) as new_at:
            os.link(name, new_name, src_dir_fd=at, dst_dir_fd=new_at, follow_symlinks=False)

    def unlink(self, path: str) -> None:
        folder, name = split(path)
        with opened_folder(folder) as at:
            os.unlink(name, dir_fd=at)

    def make_folder(self, path: str) -> None:
        """Makes a folder and its missing parents, durably. Does nothing if the folder exists."""
        if self.is_folder(path):
            return
        parent = os.path.dirname(os.path.abspath(path))
        self.make_folder(parent)
        try:
            self.add_folder(path)
        except FileExistsError:
            if not self.is_folder(path):
                raise
        self.sync_folder(parent)

    def is_folder(self, path: str) -> bool:
        """Whether a folder exists. Raises `ForeignEntry` if it is a link or a special file."""
        try:
            mode = os.lstat(path).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            raise ForeignEntry(path, mode)
        return stat.S_ISDIR(mode)

    def add_folder(self, path: str) -> None:
        """Makes one folder. Its name is durable only after its parent was synced."""
        make_one_folder(path)

    def is_link(self, path: str) -> bool:
        return os.path.islink(path)

    def names(self, path: str) -> list[str]:
        """Returns the names of everything in a folder, in any order."""
        with opened_folder(path, FOLDER) as fd:
            return os.listdir(fd)

    def scan(self, path: str) -> Iterator[tuple[str, int]]:
        """Yields (name, size in bytes) of the regular files in a folder."""
        with opened_folder(path, FOLDER) as fd, os.scandir(fd) as entries:
            for entry in entries:
                try:
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    size = entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue  # deleted since the folder was read
                yield entry.name, size

    def open_lock_file(self, path: str) -> int:
        """Opens a file for a lock, and creates it if it does not exist."""
        return open_file(path, os.O_RDWR | os.O_CREAT)[0]

    def lock(self, path: str, *, shared: bool = False, wait: bool = True) -> int | None:
        """Locks a file, which must never be deleted, and returns the descriptor that owns the lock.

        Creates the file if it does not exist. Returns None if `wait` is false and another process has the lock.
        """
        fd = self.open_lock_file(path)
        try:
            if self.relock(fd, shared=shared, wait=wait):
                return fd
        except BaseException:
            self.close(fd)
            raise
        self.close(fd)
        return None

    def unlock(self, fd: int) -> None:
        """Releases a lock.

        Unlocks before it closes, because a child that was forked without Python's knowledge may have the descriptor.
        """
        try:
            fcntl.flock(fd, fcntl.LOCK_UN)
        except OSError:
            pass  # closing releases the lock, too, unless another process has the descriptor
        self.close(fd)

    def relock(self, fd: int, *, shared: bool, wait: bool) -> bool:
        """Changes the lock of `fd` to shared or exclusive. Without `wait`, returns False if another lock prevents it.

        The old lock may be released for a moment. If this returns False, it may be lost. Fails in a forked child: a
        lock is its owner's.
        """
        if not is_kept(fd):
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        flags = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB)
        try:
            fcntl.flock(fd, flags)
        except BlockingIOError:
            return False
        return True
