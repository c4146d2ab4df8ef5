"""The calls that a local repository makes to the operating system, counted, and broken where a test wants it.

`Calls` replaces the modules `os` and `fcntl` in `ctxstore.storage.files`, below all code of the store.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

CALLS = {
    *("open", "close", "pread", "write", "fsync", "fstat", "stat", "lstat", "lseek", "scandir", "listdir"),
    *("rename", "link", "unlink", "mkdir", "flock", "fcntl"),
}
CHANGING = {"rename", "link", "unlink", "mkdir", "open", "write"}
ERRORS = ("EIO", "ENOSPC", "EDQUOT", "EACCES", "EMFILE", "EINTR")


class Fault(NamedTuple):
    """A fault at the `at`-th call, and at all later calls if it `lasts`.

    `kind` is the name of an errno, ``done`` (the call succeeds but returns EIO), ``lie`` (a rename does nothing but
    returns success), or ``half`` or ``one`` (a read or write of so many bytes).
    """

    kind: str
    at: int
    lasts: bool = False


def applies(kind: str, name: str) -> bool:
    """Whether a call can fail in this way."""
    if kind == "done":
        return name in CHANGING
    if kind == "lie":
        return name == "rename"
    return kind not in ("half", "one") or name in ("pread", "write")


class Calls:
    """A counter of calls, which starts at 1.

    It passes each call's name and number to `before`, which may do a part of the call.
    """

    def __init__(self, fault: Fault | None = None, before: Callable[[str, int], None] | None = None) -> None:
        self.names: list[str] = []
        self.hits = 0
        self.failed = ""
        self.failed_syncs: Counter[tuple[int, int]] = Counter()
        self.synced_again: list[tuple[int, int]] = []
        self.fault = fault
        self._before = before
        self.os = _Module(os, self)
        self.fcntl = _Module(fcntl, self)

    def run(self, name: str, real: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        self.names.append(name)
        if self._before is not None:
            self._before(name, len(self.names))
        kind = self._kind_now(name)
        if name == "fsync":
            self._watch_sync(arguments[0], kind)
        if kind == "done" or (kind and name == "close"):
            made = real(*arguments, **options)  # a close that fails has closed the file
            if name == "open":
                os.close(made)  # the file exists, but no process has its descriptor
        if kind == "lie":
            return None
        if kind in ("half", "one"):
            return _shortened(name, real, arguments, kind)
        if kind is not None:
            number = getattr(errno, "EIO" if kind == "done" else kind)
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    def _kind_now(self, name: str) -> str | None:
        fault, number = self.fault, len(self.names)
        if fault is None or not (number == fault.at or (fault.lasts and number > fault.at)):
            return None
        if not applies(fault.kind, name):
            return None
        self.hits += 1
        self.failed = name
        return fault.kind

    def _watch_sync(self, fd: int, kind: str | None) -> None:
        status = os.fstat(fd)
        if not os.path.isfile(f"/proc/self/fd/{fd}"):
            return  # a folder is synced for one name after another
        file = (status.st_dev, status.st_ino)
        if self.failed_syncs[file]:
            self.synced_again.append(file)
        self.failed_syncs[file] += kind is not None


class FullDisk(Calls):
    """A disk with limited room for the files below `folder`. A write succeeds as far as there is room."""

    def __init__(self, folder: str, size: int) -> None:
        super().__init__()
        self.folder = folder
        self._size = size

    def room(self) -> int:
        """Computes the bytes that are left. A file of several names counts once."""
        used = {}
        for path, _, names in os.walk(self.folder):
            for name in names:
                status = os.stat(os.path.join(path, name))
                used[status.st_ino] = status.st_size
        return self._size - sum(used.values())

    def run(self, name: str, real: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        if name == "write" and arguments[1]:
            fd, data = arguments
            data = data[: max(0, self.room())]
            if not data:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            arguments = (fd, data)
        return super().run(name, real, arguments, options)


class _Module:
    """The module `os` or `fcntl` as the store sees it."""

    def __init__(self, real: Any, calls: Calls) -> None:
        self._real = real
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name not in CALLS:
            return real
        return lambda *arguments, **options: self._calls.run(name, real, arguments, options)


def _shortened(name: str, real: Callable[..., Any], arguments: tuple[Any, ...], kind: str) -> Any:
    """Reads or writes fewer bytes than asked for, as the operating system may always do."""
    fd, data, *offset = arguments
    whole = data if name == "pread" else len(data)
    length = max(1, whole // 2) if kind == "half" else 1
    return real(fd, length, *offset) if name == "pread" else real(fd, data[:length])
