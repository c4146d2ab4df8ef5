"""Syncing of files and folders, on file systems that may not support it."""

from __future__ import annotations

import errno
import fcntl
import os

_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)

UNSUPPORTED = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS})
"""The errors by which file systems refuse what they can't do, such as modes on exFAT."""


def sync_file(fd: int) -> bool:
    """Makes a file's bytes and attributes durable. Returns False if its file system can't. Raises `OSError`."""
    try:
        if _FULL_SYNC is not None:
            fcntl.fcntl(fd, _FULL_SYNC)
        else:
            os.fsync(fd)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return False
    return True


def sync_folder(fd: int) -> bool:
    """Makes the names in a folder durable. Returns False if its file system can't. Raises `OSError`."""
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in UNSUPPORTED:
            raise
        return False
    return True


def sync_folder_at(path: str) -> bool:
    """Makes the names in the folder at `path` durable, as `sync_folder` does."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return sync_folder(fd)
    finally:
        os.close(fd)
