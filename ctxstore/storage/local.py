"""A storage in a folder of the local file system.

``root`` is replaced by rename, under a lock on ``root.lock``. That file is never deleted, because a lock on a file that
may be deleted or replaced protects nothing. Every writer has a shared lock on ``writers.lock``. A collector that gets
an exclusive lock on it knows that no writer relies on the files it deletes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, count

from ctxstore.errors import AlreadyExists, NoSpace
from ctxstore.storage.caches import empty_folder
from ctxstore.storage.failures import translated
from ctxstore.storage.files import Files
from ctxstore.storage.new_folder import FOLDERS, refuse_other_content
from ctxstore.storage.protocol import MAX_ROOT, Presence, StoredValue, SwapLost, Unsettled
from ctxstore.storage.reserve import keep_reserve, spend_reserve


class LocalStorage:
    """Keeps values as files below `path`. Files have mode 0600, folders 0700.

    A link at `path` is followed once. Below it, a link is an error.
    """

    def __init__(self, path: str, files: Files | None = None) -> None:
        self.path = path
        self.files = files or Files()
        self._base = os.path.realpath(path)
        self._root = f"{self._base}/root"

    def exists(self) -> bool:
        with translated(self._root):
            try:
                return self.files.size(self._root) >= 0
            except (FileNotFoundError, NotADirectoryError):
                return False

    def initialise(self) -> None:
        if self.exists():
            raise AlreadyExists(f"a repository already exists at {self.path}", hint="open it, or give another folder")
        with translated(self.path):
            refuse_other_content(self.files, self.path, self._base)
        self.prepare()

    def prepare(self) -> None:
        """Makes the repository's folders. Raises `StorageError`."""
        with translated(self.path):
            self.files.make_folder(self._base)
            self._sync_parents()
            for folder in FOLDERS:
                self.files.make_folder(self._path(folder))
            self.files.sync_folder(self._base)

    def _sync_parents(self) -> None:
        """Makes the folder's path durable: its creator may have been killed before it synced all parents."""
        path = self._base
        while path != os.path.dirname(path):
            path = os.path.dirname(path)
            try:
                self.files.sync_folder(path)
            except PermissionError:
                pass  # a folder that this process may not read was not made by it

    def _path(self, key: str) -> str:
        return f"{self._base}/{key}"

    def get(self, key: str, offset: int = 0, length: int | None = None) -> bytes:
        with translated(self._path(key)):
            return self.files.read(self._path(key), offset, length)

    def size(self, key: str) -> int:
        with translated(self._path(key)):
            return self.files.size(self._path(key))

    def next_data(self, key: str, offset: int) -> int | None:
        with translated(self._path(key)):
            return self.files.next_data(self._path(key), offset)

    def put(self, key: str, data: bytes) -> None:
        with self.create(key) as sink:
            sink.write(data)

    @contextmanager
    def create(self, key: str) -> Iterator[_FileSink]:
        path = self._path(key)
        process = os.getpid()
        with translated(self._path(key)):
            fd = self.files.create(path)
        try:
            # Not translated, because an error in the caller's block is not one of the storage.
            yield _FileSink(self.files, fd, path)
            with translated(self._path(key)):
                self.files.sync(fd)
        except BaseException:
            if os.getpid() == process:  # in a forked child, the parent may still be writing the file
                self._discard(path)  # nothing refers to the file, and a full disk needs its space
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
            self.files.size(path)  # raises if there is no such file, before the folder is made
            self.files.make_folder(folder)
            moved = _free_name(self.files, f"{folder}/{os.path.basename(key)}")
            self._move(path, moved)
        return f"quarantine/{os.path.basename(moved)}"

    def _move(self, old: str, new: str) -> None:
        """Moves a file durably. After a crash the file has the old name, the new name, or both."""
        try:
            self.files.link(old, new)
        except FileExistsError:
            raise  # another process used the name since it was found free, and its file must not be replaced
        except OSError:
            self.files.rename(old, new)  # the file system has no links, so move it in one step
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
                return self.files.read(self._root, 0, MAX_ROOT + 1)
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
        # Only the process with the lock writes this file. If the file exists, a crash left it.
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
            self.files.sync_folder(self._base)
        except OSError as error:
            # Never retried: the kernel may have dropped what it could not write, and then report success.
            raise Unsettled(
                f"{self._root} was replaced, but a crash may undo that: {error.strerror}", hint="check the disk first"
            ) from error

    def _keep_previous(self) -> None:
        """Keeps the present root as ``root.old``, for repair. Ignores errors."""
        try:
            self.files.unlink(self._root + ".old")
        except OSError:
            pass
        try:
            self.files.link(self._root, self._root + ".old")
        except OSError:
            pass  # there is no root yet, or the file system has no links

    def settle(self) -> None:
        """Replaces the root by a copy of itself, durably.

        A sync would not be enough: after a failed sync, the next one may succeed although the rename is lost.
        """
        while (root := self.read_root()) is not None:
            try:
                self.swap(root, root)
                return
            except SwapLost:
                continue
            except NoSpace:
                break
        with translated(self.path):
            self.files.sync_folder(self._base)  # there is no root, or no space for a copy

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
        folder = self._path("cache")
        with translated(folder):
            self.files.is_folder(folder)
        return folder

    def remove_caches(self) -> None:
        folder = self._path("cache")
        with translated(folder):
            empty_folder(folder)

    def keep_reserve(self) -> None:
        keep_reserve(self.files, self._path("reserve"))

    def spend_reserve(self) -> bool:
        return spend_reserve(self.files, self._path("reserve"))


def _free_name(files: Files, path: str) -> str:
    """Returns `path`, or the first of ``path.1``, ``path.2``, … that does not exist: no file may be replaced."""
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
        # The failed attempt may have released the shared lock, so get it again.
        self.share()
        return False

    def share(self) -> None:
        with translated(self._path):
            self._files.relock(self._fd, shared=True, wait=True)
