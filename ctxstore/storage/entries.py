"""The opening of files and folders without following links and without blocking.

Somebody else may have made or changed a repository's folder. A link in it would lead to other files, and a FIFO would
block.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from ctxstore.ownership import find_owner
from ctxstore.storage.descriptor import Descriptor, close, open_descriptor
from ctxstore.storage.failures import ForeignEntry

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""The flags to open a folder."""

PLACE = FOLDER | getattr(os, "O_PATH", 0)
"""The flags to open a folder only to reach the names in it. On Linux this needs no permission to read the folder."""

_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def split(path: str) -> tuple[str, str]:
    """Splits a path into its folder and its last name."""
    folder, slash, name = path.rpartition("/")
    return folder or slash or ".", name


def open_folder(path: str, flags: int = PLACE) -> Descriptor:
    """Opens a folder. Raises `ForeignEntry` if it is a link, `NotADirectoryError` if it is a file of any other kind."""
    try:
        return open_descriptor(path, flags)
    except NotADirectoryError:
        mode = os.lstat(path).st_mode
        if stat.S_ISLNK(mode):
            raise ForeignEntry(path, mode) from None
        raise


@contextmanager
def opened_folder(path: str, flags: int = PLACE) -> Iterator[int]:
    """Opens a folder for the block."""
    fd = open_folder(path, flags)
    try:
        yield fd
    finally:
        close(fd)


def open_file(path: str, flags: int) -> tuple[Descriptor, os.stat_result]:
    """Opens a regular file, and returns its descriptor and status. Raises `ForeignEntry` if it is another kind.

    A file that `flags` create has mode 0600 and the owner of its folder.
    """
    folder, name = split(path)
    with opened_folder(folder) as at:
        try:
            fd = open_descriptor(name, flags | _FILE, 0o600, dir_fd=at)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.EISDIR):
                raise ForeignEntry(path, os.stat(name, dir_fd=at, follow_symlinks=False).st_mode) from None
            raise
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ForeignEntry(path, status.st_mode)
            if flags & os.O_CREAT and status.st_uid == 0 and (owner := find_owner(at)):
                os.chown(fd, *owner)
        except BaseException:
            close(fd)
            raise
    return fd, status


def make_one_folder(path: str) -> None:
    """Makes a folder with mode 0700 and the owner of the folder it is in. Raises `FileExistsError`."""
    folder, name = split(path)
    with opened_folder(folder) as at:
        os.mkdir(name, 0o700, dir_fd=at)
        if owner := find_owner(at):
            os.chown(name, *owner, dir_fd=at, follow_symlinks=False)
