"""A file system in memory that forgets, at a crash, everything it was not asked to keep.

It has the calls of `ctxstore.storage.files.Files`. Its guarantees are the least that POSIX allows, so that it is at
least as harsh as ext4, xfs, APFS or zfs:

* A file's bytes are durable after a `sync` of its descriptor. Until then a crash keeps all, some or none of the bytes
  written since the last `sync`, or replaces them by zeros or garbage.
* A name (created, linked, renamed or removed, of a file or a folder) is durable after `sync_folder` of its folder.
  Until then, after a crash, each name has its target of the last sync or that of any later change. The names are
  independent of each other and of any order. So a rename is two changes: the new name leads to the old file or the
  new one, and the old name may exist or not.
* The content of a folder whose own name was lost is lost with it.
* A lock lasts as long as its descriptor, and no descriptor survives a crash.

Calls of `Files` that are missing here fail: a new call needs its rules first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ctxstore.storage.files import Files

FOLDER = 0
"""The target of a name that is a folder. Other targets are numbers of files."""


class Change(NamedTuple):
    """A name that has had another target since the last sync of its folder. None: no target."""

    path: str
    target: int | None


class Capture(NamedTuple):
    """The file system at one moment: what a crash certainly keeps, and what it may keep.

    Names map to numbers of files. `data` is what programs read, and `synced` is the durable part.
    """

    operation: str
    names: Mapping[str, int]
    changes: tuple[Change, ...]
    synced: Mapping[int, bytes]
    data: Mapping[int, bytes]


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


class SimulatedFiles:
    """A file system in memory. It calls `on_operation` after every change, before the change returns."""

    def __init__(self, capture: Capture) -> None:
        """Continues from a moment, as seen by programs that start after all others were killed."""
        self._durable = dict(capture.names)
        self._changes = list(capture.changes)
        self._synced = dict(capture.synced)
        self._data = dict(capture.data)
        self._names = dict(capture.names)
        for path, target in capture.changes:
            self._apply(self._names, path, target)
        self._numbers = max(self._data, default=FOLDER)
        self._open: dict[int, int] = {}
        self._locks: dict[int, dict[int, bool]] = {}
        self._next_fd = 1000
        self.on_operation: Callable[[str], None] = lambda operation: None

    @classmethod
    def holding(cls, files: Mapping[str, bytes], folders: Iterable[str] = ("/",)) -> SimulatedFiles:
        """Creates a file system with these files and folders, all of them durable."""
        numbers = {path: number for number, path in enumerate(files, 1)}
        data = {number: files[path] for path, number in numbers.items()}
        return cls(Capture("", {**dict.fromkeys(folders, FOLDER), **numbers}, (), data, data))

    def capture(self, operation: str = "") -> Capture:
        """Captures what a crash now may leave."""
        changes = tuple(self._changes)
        return Capture(operation, dict(self._durable), changes, dict(self._synced), dict(self._data))

    def contents(self) -> dict[str, bytes]:
        """Returns all files as programs see them now."""
        return {path: self._data[number] for path, number in self._names.items() if number != FOLDER}

    # -- names

    @staticmethod
    def _apply(names: dict[str, int], path: str, target: int | None) -> None:
        if target is None:
            names.pop(path, None)
        else:
            names[path] = target

    def _set(self, path: str, target: int | None) -> None:
        if self._names.get(os.path.dirname(path)) != FOLDER:
            raise _error(errno.ENOENT, path)
        self._apply(self._names, path, target)
        self._changes.append(Change(path, target))

    def _file(self, path: str) -> int:
        number = self._names.get(path)
        if number is None:
            raise _error(errno.ENOENT, path)
        if number == FOLDER:
            raise _error(errno.EISDIR, path)
        return number

    def _did(self, call: str, path: str) -> None:
        self.on_operation(f"{call} {path}")

    def rename(self, old: str, new: str) -> None:
        number = self._file(old)
        self._set(new, number)
        self._set(old, None)
        self._did("rename", f"{old} {new}")

    def link(self, old: str, new: str) -> None:
        number = self._file(old)
        if new in self._names:
            raise _error(errno.EEXIST, new)
        self._set(new, number)
        self._did("link", f"{old} {new}")

    def unlink(self, path: str) -> None:
        self._file(path)
        self._set(path, None)
        self._did("unlink", path)

    make_folder = Files.make_folder

    def is_folder(self, path: str) -> bool:
        return self._names.get(path) == FOLDER

    def add_folder(self, path: str) -> None:
        if path in self._names:
            raise _error(errno.EEXIST, path)
        self._set(path, FOLDER)
        self._did("add_folder", path)

    def sync_folder(self, path: str) -> None:
        if self._names.get(path) != FOLDER:
            raise _error(errno.ENOENT, path)
        later = []
        for change in self._changes:
            if os.path.dirname(change.path) != path:
                later.append(change)
            else:
                self._apply(self._durable, *change)
        self._changes = later
        self._did("sync_folder", path)

    def is_link(self, path: str) -> bool:
        return False

    def names(self, path: str) -> list[str]:
        if self._names.get(path) != FOLDER:
            raise _error(errno.ENOENT, path)
        return [os.path.basename(name) for name in self._names if name != path and os.path.dirname(name) == path]

    def scan(self, path: str) -> Iterator[tuple[str, int]]:
        if self._names.get(path) != FOLDER:
            raise _error(errno.ENOENT, path)
        for name, number in list(self._names.items()):
            if number != FOLDER and os.path.dirname(name) == path:
                yield os.path.basename(name), len(self._data[number])

    # -- bytes

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        data = self._data[self._file(path)]
        return data[offset:] if length is None else data[offset : offset + length]

    def size(self, path: str) -> int:
        return len(self._data[self._file(path)])

    def next_data(self, path: str, offset: int) -> int | None:
        return offset if offset < self.size(path) else None

    def _open_file(self, number: int) -> int:
        self._next_fd += 1
        self._open[self._next_fd] = number
        return self._next_fd

    def create(self, path: str) -> int:
        if path in self._names:
            raise _error(errno.EEXIST, path)
        self._numbers = number = self._numbers + 1
        self._data[number] = b""
        self._set(path, number)
        self._did("create", path)
        return self._open_file(number)

    def write(self, fd: int, data: bytes | memoryview) -> None:
        self._data[self._open[fd]] += bytes(data)
        self._did("write", str(len(data)))

    def sync(self, fd: int) -> None:
        self._synced[self._open[fd]] = self._data[self._open[fd]]
        self._did("sync", "")

    def sync_existing(self, path: str) -> None:
        self._synced[self._file(path)] = self._data[self._file(path)]
        self._did("sync", path)

    def close(self, fd: int) -> None:
        del self._open[fd]

    # -- locks

    def lock(self, path: str, *, shared: bool = False, wait: bool = True) -> int | None:
        if path not in self._names:
            self.close(self.create(path))
        fd = self._open_file(self._file(path))
        if self.relock(fd, shared=shared, wait=wait):
            return fd
        self.close(fd)
        return None

    def relock(self, fd: int, *, shared: bool, wait: bool) -> bool:
        holders = self._locks.setdefault(self._open[fd], {})
        holders.pop(fd, None)
        if any(not (shared and other) for other in holders.values()):
            assert not wait, "one thread would wait for itself for ever"
            return False
        holders[fd] = shared
        return True

    def unlock(self, fd: int) -> None:
        self._locks[self._open[fd]].pop(fd, None)
        self.close(fd)
