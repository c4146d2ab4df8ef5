r"""Folders that moved, on POSIX and on Windows: ``C:\Users\me\proj`` becomes ``/mnt/c/Users/me/proj``.

An agent that ran on Windows recorded Windows paths. The session may be restored on another system.
"""

from __future__ import annotations

import ntpath
import posixpath
import re

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\]")
"""The start of an absolute Windows path: a drive or a share."""


def is_windows_path(path: str) -> bool:
    """Whether the path is absolute on Windows."""
    return _WINDOWS.match(path) is not None


def is_absolute_folder(path: str) -> bool:
    """Whether the path is an absolute one, of either system, without ``.`` and ``..``."""
    if "\0" in path:
        return False
    if is_windows_path(path):
        return ntpath.normpath(path) == path.replace("/", "\\")
    return posixpath.isabs(path) and posixpath.normpath(path) == path


def move_path(path: str, old: str, new: str) -> str | None:
    """Returns where `path` is after the folder `old` moved to `new`, or None if it is not inside `old`.

    Windows ignores case and accepts both slashes. The result has the slashes of `new`.
    """
    below = _below(path, old)
    if not below:
        return new if below == "" else None
    if is_windows_path(new):
        return new.rstrip("\\/") + "\\" + below.replace("/", "\\")
    return posixpath.join(new, below)


def _below(path: str, old: str) -> str | None:
    """Returns the part of a path below `old`, with slashes, or None if it is elsewhere. Empty for `old` itself."""
    if not is_windows_path(old):
        inside = posixpath.join(old, "")
        return "" if path == old else path[len(inside) :] if path.startswith(inside) else None
    plain, folder = path.replace("\\", "/"), old.replace("\\", "/").rstrip("/")
    if plain.lower() == folder.lower():
        return ""
    return plain[len(folder) + 1 :] if plain.lower().startswith(folder.lower() + "/") else None
