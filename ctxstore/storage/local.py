"""A repository in a folder of the local file system.

``root`` is replaced by rename under a lock on ``root.lock``, which is never deleted: a lock on a file
that is deleted or replaced is no lock. ``writers.lock`` is held shared by every writer, so that a
collector that gets it alone knows that no one relies on what it deletes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count

from blake3 import blake3

from ctxstore.errors import NoSpace
from ctxstore.storage.failures import translated
from ctxstore.storage.files import Files
from ctxstore.storage.protocol import Presence, StoredValue, SwapLost, Unsettled

FOLDERS = ("packs", "manifests", "cache")

RESERVE = 256 << 10
"""Bytes kept back in the file ``reserve``: on a full disk they let a collection begin."""


class LocalStorage:
    """Keeps values as files below `path`, mode 0600 in folders of mode 0700."""

    def __init__(self, path: str, files: Files | None = None) -> None:
        self.path = path
        self.files = files or Files()
        self._root = os.path.join(path, "root")

    def prepare(self) -> None:
        """Make the folders. Raises `StorageError`."""
        with translated(self.path):
            self.files.make_folder(self.path)
            self._settle_above()
            for folder in FOLDERS:
                self.files.make_folder(os.path.join(self.path, folder))
            self.files.sync_folder(self.path)

    def _settle_above(self) -> None:
        """Whoever made the folder, or one above it, may have been killed before its name was durable."""
        path = os.path.abspath(self.path)
        while path != os.path.dirname(path):
            path = os.path.dirname(path)
            try:
                self.files.sync_folder(path)
            except PermissionError:
                pass  # a folder that we may not read we did not make

    def _path(self, key: str) -> str:
        return f"{self.path}/{key}"

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        with translated(self._path(key)):
            return self.files.read(self._path(key), offset, length)

    def size(self, key: str) -> int:
        with translated(self._path(key)):
            return self.files.size(self._path(key))

    def put(self, key: str, data: bytes) -> None:
        with self.create(key) as sink:
            sink.write(data)

    @contextmanager
    def create(self, key: str) -> Iterator[_FileSink]:
        path = self._path(key)
        with translated(self._path(key)):
            fd = self.files.create(path)
        try:
            # Outside of the translation: an error of the caller's block is the caller's.
            yield _FileSink(self.files, fd, path)
            with translated(self._path(key)):
                self.files.sync(fd)
        except BaseException:
            self._discard(path)  # nothing refers to it, and a full disk needs the space
            raise
        finally:
            self.files.close(fd)
        with translated(self._path(key)):
            self.files.sync_folder(os.path.dirname(path))

    def _discard(self, path: str) -> None:
        try:
            self.files.unlink(path)
        except OSError:
            pass

    def delete(self, key: str) -> None:
        with translated(self._path(key)):
            try:
                self.files.unlink(self._path(key))
            except FileNotFoundError:
                pass

    def quarantine(self, key: str) -> str:
        folder, path = self._path("quarantine"), self._path(key)
        with translated(path):
            self.files.size(path)  # before a folder is made for nothing
            self.files.make_folder(folder)
            moved = _free_name(self.files, f"{folder}/{os.path.basename(key)}")
            self._move(path, moved)
        return f"quarantine/{os.path.basename(moved)}"

    def _move(self, old: str, new: str) -> None:
        """Durably, and so that no crash leaves the file without either name."""
        try:
            self.files.link(old, new)
        except FileExistsError:
            raise  # somebody's since the name was found free: nothing there is replaced
        except OSError:
            self.files.rename(old, new)  # a file system without links has to do it at once
            self.files.sync_folder(os.path.dirname(new))
        else:
            self.files.sync_folder(os.path.dirname(new))
            self.files.unlink(old)
        self.files.sync_folder(os.path.dirname(old))

    def list(self, folder: str) -> Iterator[StoredValue]:
        with translated(self._path(folder)):
            for name, size in self.files.scan(self._path(folder)):
                yield StoredValue(f"{folder}/{name}", size)

    def read_root(self) -> bytes | None:
        with translated(self._root):
            try:
                return self.files.read(self._root)
            except FileNotFoundError:
                return None

    def swap(self, expected: bytes | None, new: bytes) -> None:
        with translated(self._root):
            lock = self.files.lock(self._root + ".lock")
            assert lock is not None
            try:
                if self.read_root() != expected:
                    raise SwapLost
                self._replace_root(new, keep_previous=new != expected)
            finally:
                self.files.unlock(lock)

    def _replace_root(self, new: bytes, *, keep_previous: bool) -> None:
        pending = self._root + ".new"
        # Only the holder of the lock writes this name; what is there is a crashed writer's.
        try:
            fd = self.files.create(pending)
        except FileExistsError:
            self.files.unlink(pending)
            fd = self.files.create(pending)
        try:
            self.files.write(fd, new)
            self.files.sync(fd)
        finally:
            self.files.close(fd)
        if keep_previous:
            self._keep_previous()
        self.files.rename(pending, self._root)
        try:
            self.files.sync_folder(self.path)
        except OSError as error:
            # Never tried again: what the kernel could not write it may have dropped, and then calls it written.
            raise Unsettled(f"{self._root}: {error.strerror}", hint="check the disk before anything else") from error

    def _keep_previous(self) -> None:
        """The root that is replaced stays as ``root.old``, for repair; that it can't be kept is no failure."""
        try:
            self.files.unlink(self._root + ".old")
        except OSError:
            pass
        try:
            self.files.link(self._root, self._root + ".old")
        except OSError:
            pass  # there is none yet, or the file system knows no links

    def settle(self) -> None:
        """Puts the root in its place anew: a sync that failed its writer may succeed now and have lost the rename."""
        while (root := self.read_root()) is not None:
            try:
                self.swap(root, root)
                return
            except SwapLost:
                continue
            except NoSpace:
                break
        with translated(self.path):
            self.files.sync_folder(self.path)  # there is nothing to put, or no room for it

    def confirm(self, key: str) -> None:
        path = self._path(key)
        with translated(path):
            self.files.sync_existing(path)
            self.files.sync_folder(os.path.dirname(path))

    @contextmanager
    def presence(self) -> Iterator[Presence]:
        with translated(self._path("writers.lock")):
            fd = self.files.lock(self._path("writers.lock"), shared=True)
        assert fd is not None
        try:
            yield _FilePresence(self.files, fd, self._path("writers.lock"))
        finally:
            self.files.unlock(fd)

    def cache_folder(self) -> str | None:
        return self._path("cache")

    def keep_reserve(self) -> None:
        path = self._path("reserve")
        try:
            try:
                if self.files.size(path) == RESERVE:
                    return
                self.files.unlink(path)
            except FileNotFoundError:
                pass
            self._write_reserve(path)
        except OSError:
            self._discard(path)  # no room: then there is none to keep

    def _write_reserve(self, path: str) -> None:
        fd = self.files.create(path)
        try:
            # Bytes that no file system compresses or finds twice.
            self.files.write(fd, blake3(b"reserve").digest(length=RESERVE))
            self.files.sync(fd)
        finally:
            self.files.close(fd)

    def spend_reserve(self) -> bool:
        try:
            self.files.unlink(self._path("reserve"))
        except OSError:
            return False
        return True


def _free_name(files: Files, path: str) -> str:
    """`path`, or the first of ``path.1``, ``path.2``, … that is free: renaming would replace what is there."""
    for name in chain((path,), (f"{path}.{number}" for number in count(1))):
        try:
            files.size(name)
        except FileNotFoundError:
            return name
    raise AssertionError


class _FileSink:
    __slots__ = ("_fd", "_files", "_key")

    def __init__(self, files: Files, fd: int, key: str) -> None:
        self._files, self._fd, self._key = files, fd, key

    def write(self, data: bytes) -> None:
        with translated(self._key):
            self._files.write(self._fd, data)


class _FilePresence:
    __slots__ = ("_fd", "_files", "_path")

    def __init__(self, files: Files, fd: int, path: str) -> None:
        self._files, self._fd, self._path = files, fd, path

    def alone(self) -> bool:
        with translated(self._path):
            if self._files.relock(self._fd, shared=False, wait=False):
                return True
        # The failed try may have dropped the shared lock; be present again.
        self.share()
        return False

    def share(self) -> None:
        with translated(self._path):
            self._files.relock(self._fd, shared=True, wait=True)
