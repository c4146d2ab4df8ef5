"""A file that is written under a temporary name, and replaces another one when it is complete."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock

from ctxstore.durable.sync import UNSUPPORTED, sync_file
from ctxstore.ownership import find_owner

LEFTOVER = re.compile(r"\.ctx-(?:[0-9a-f]{16}|[0-9]+-[0-9]+)\.part")
"""The temporary names, including those of earlier releases."""

_AGE = 24 * 3600.0
"""Seconds after which a leftover file is removed where locks don't work."""

_LINK_AGE = 60.0
"""Seconds after which a leftover link is removed: a link can't be locked."""


def new_name() -> str:
    """Returns a temporary name. It is random: two processes may have the same id, in different containers."""
    return f".ctx-{os.urandom(8).hex()}.part"


class NewFile:
    """A new file in a folder, locked until it is closed, so that nobody takes it for a leftover.

    The folder is a descriptor. It may be closed meanwhile and opened again. `unsupported` lists what its file system
    can't keep: ``modes``, ``times``, ``owners``, ``sync``.
    """

    def __init__(self, folder: int) -> None:
        self.unsupported: list[str] = []
        while True:
            self._name = new_name()
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self._fd: int | None = os.open(self._name, flags, 0o600, dir_fd=folder)
            _try_to_lock(self._fd)
            if os.fstat(self._fd).st_nlink:
                break
            os.close(self._fd)  # another process removed it before it was locked

    @property
    def fd(self) -> int:
        """The descriptor of the open file."""
        assert self._fd is not None
        return self._fd

    @property
    def is_open(self) -> bool:
        """Whether the file still has its temporary name."""
        return self._fd is not None

    def write(self, data: bytes | memoryview, offset: int | None = None) -> None:
        """Writes all bytes, at the offset or after the last ones written without an offset."""
        rest = memoryview(data)
        while rest:
            done = os.write(self.fd, rest) if offset is None else os.pwrite(self.fd, rest, offset)
            rest, offset = rest[done:], None if offset is None else offset + done

    def set_mode(self, mode: int) -> None:
        """Sets the mode, without set-user-id, set-group-id and sticky bits."""
        self._attempt("modes", lambda: os.fchmod(self.fd, mode & 0o777))

    def set_time(self, mtime_ns: int) -> None:
        """Sets the modification time (ns)."""
        self._attempt("times", lambda: os.utime(self.fd, ns=(mtime_ns, mtime_ns)))

    def keep_owner(self, status: os.stat_result) -> None:
        """Sets the owner, if this process is root: a run by `sudo` must not lock the owner out."""
        if os.geteuid() == 0 and status.st_uid != 0:
            self._attempt("owners", lambda: os.fchown(self.fd, status.st_uid, status.st_gid))

    def sync(self) -> None:
        """Makes the content durable."""
        if not sync_file(self.fd):
            self.unsupported.append("sync")

    def _attempt(self, what: str, change: Callable[[], None]) -> None:
        try:
            change()
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            self.unsupported.append(what)

    def rename(self, folder: int, name: str) -> None:
        """Gives the file its final name, in place of an existing file. Then it is closed."""
        os.rename(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
        self._close()

    def link(self, folder: int, name: str) -> None:
        """Gives the file its final name, unless that exists. Then it is closed. Raises `FileExistsError`.

        A file system without hard links can't do this in one step: there, a file made at the same time is replaced.
        """
        try:
            os.link(self._name, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            with suppress(FileNotFoundError):
                os.stat(name, dir_fd=folder, follow_symlinks=False)
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name) from None
            self.rename(folder, name)
        else:
            self.discard(folder)

    def discard(self, folder: int) -> None:
        """Closes the file, and removes it if it has not got its final name."""
        if self._fd is None:
            return
        try:
            os.unlink(self._name, dir_fd=folder)
        except FileNotFoundError:
            pass
        finally:
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)


def own_as_folder(folder: int, name: str) -> None:
    """Gives a new folder or link the owner of the folder that contains it, if this process is root."""
    if owner := find_owner(folder):
        with suppress(OSError):
            os.chown(name, *owner, dir_fd=folder, follow_symlinks=False)


def remove_leftovers(folder: int) -> None:
    """Removes the temporary files that killed processes left in a folder. Those of running processes are locked."""
    try:
        names = [name for name in os.listdir(folder) if LEFTOVER.fullmatch(name)]
    except OSError:
        return
    for name in names:
        try:
            if _is_leftover(folder, name):
                os.unlink(name, dir_fd=folder)
        except OSError:
            continue  # removed by another process, or not ours to remove


def _is_leftover(folder: int, name: str) -> bool:
    """Whether no running process writes the file."""
    age = time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_ctime
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError:
        return age > _LINK_AGE
    try:
        is_locked = _try_to_lock(fd)
        return age > _AGE if is_locked is None else is_locked
    finally:
        os.close(fd)


def _try_to_lock(fd: int) -> bool | None:
    """Locks an open file. Returns False if another process has the lock, and None where locks don't work."""
    try:
        flock(fd, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
