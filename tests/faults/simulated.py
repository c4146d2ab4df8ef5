"""A file system in memory that forgets, at a crash, whatever it was not asked to keep.

It has the calls of `ctxstore.storage.files.Files`. What it promises is the least that POSIX lets a file
system promise, so that it is at least as harsh as ext4, xfs, APFS or zfs:

* A file's bytes are durable after `sync` of its descriptor. Until then a crash keeps all, some or none of
  what came after the last `sync`, or puts zeros or garbage in its place.
* A name - made, linked, renamed, removed, of a file or of a folder - is durable after `sync_folder` of the
  folder it is in. Until then each name is, after a crash, what it was at the last sync or what any change
  since then made it, independently of all other names and of any order. A rename so is two changes: the
  new name leads to the old file or the new one, and the old name may be there or not.
* What lies in a folder whose own name was lost is lost with it.
* Locks last as long as their descriptors, and no descriptor outlives a crash.

`Files` calls that are not here fail: a new one has to be given its rules first.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ctxstore.storage.files import Files

FOLDER = 0
"""Stands for a folder where a file's number would."""


class Change(NamedTuple):
    """A name that leads somewhere else since its folder was synced; None: nowhere."""

    path: str
    target: int | None


class Capture(NamedTuple):
    """The file system at one moment: what a crash keeps for certain, and what it may keep.

    Names lead to numbers of files. `data` is what programs read, `synced` the part that is durable.
    """

    operation: str
    names: Mapping[str, int]
    changes: tuple[Change, ...]
    synced: Mapping[int, bytes]
    data: Mapping[int, bytes]


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


class SimulatedFiles:
    """`on_operation` is called after every call that changed something, before it returns."""

    def __init__(self, capture: Capture) -> None:
        """Go on from a moment: as programs see it that were started after all others had been killed."""
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
        """These files and folders, all of them durable."""
        numbers = {path: number for number, path in enumerate(files, 1)}
        data = {number: files[path] for path, number in numbers.items()}
        return cls(Capture("", {**dict.fromkeys(folders, FOLDER), **numbers}, (), data, data))

    def capture(self, operation: str = "") -> Capture:
        """What a crash now may leave."""
        changes = tuple(self._changes)
        return Capture(operation, dict(self._durable), changes, dict(self._synced), dict(self._data))

    def contents(self) -> dict[str, bytes]:
        """All files as programs see them now."""
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
