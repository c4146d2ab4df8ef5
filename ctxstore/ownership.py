"""The owner of new files and folders.

A run as root in a user's folder (``sudo``, a system timer, a container) must not leave files that the user cannot read.
So everything that root makes belongs to the owner of the folder it is made in.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple


class Owner(NamedTuple):
    """The ids of a user and a group."""

    user: int
    group: int


def find_owner(folder: int | str) -> Owner | None:
    """Returns the owner to give new entries of a folder to, or None if they have the right one anyway."""
    if os.geteuid() != 0:
        return None
    status = os.stat(folder)
    return Owner(status.st_uid, status.st_gid) if status.st_uid != 0 else None


def open_private(path: str, flags: int) -> int:
    """Opens a file with mode 0600 that belongs to the owner of its folder if `flags` create it. Raises `OSError`."""
    fd = os.open(path, flags | os.O_CLOEXEC, 0o600)
    try:
        if owner := find_owner(os.path.dirname(path) or "."):
            os.chown(fd, *owner)
    except BaseException:
        os.close(fd)
        raise
    return fd


def make_folders(path: str, mode: int = 0o700) -> None:
    """Makes a folder with `mode`, and its missing parents with the usual one. Raises `OSError`.

    Does nothing if the folder exists.
    """
    if os.path.isdir(path):
        return
    parent = os.path.dirname(os.path.abspath(path))
    with suppress(FileExistsError):  # it is a file: the next call reports that, with the whole path
        make_folders(parent, 0o777)
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    if owner := find_owner(parent):
        os.chown(path, *owner, follow_symlinks=False)
