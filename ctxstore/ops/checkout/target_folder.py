"""Writes below one folder and nowhere else, whatever the paths say and whatever links lie in the way."""

from __future__ import annotations

import errno
import itertools
import os
import stat

from ctxstore.errors import Conflict, Corrupt, StorageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def split_path(path: str) -> tuple[str, ...]:
    """The parts of a tree's path. Raises `Corrupt` for one that could leave its folder."""
    parts = tuple(path.split("/"))
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise Corrupt(f"the tree holds an unsafe path: {path!r}")
    return parts


class TargetFolder:
    """A folder to restore into. Every step below it is taken without following links."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            os.makedirs(path, 0o700, exist_ok=True)
            self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        self._parent: tuple[tuple[str, ...], int] = ((), self._fd)

    def close(self) -> None:
        self._close_parent()
        os.close(self._fd)

    def __enter__(self) -> TargetFolder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _close_parent(self) -> None:
        if self._parent[1] != self._fd:
            os.close(self._parent[1])
        self._parent = ((), self._fd)

    def _open_folder(self, parts: tuple[str, ...], create: bool) -> int:
        """The descriptor of a folder below the target; the last one stays open."""
        if self._parent[0] == parts:
            return self._parent[1]
        self._close_parent()
        at = os.dup(self._fd)
        try:
            for part in parts:
                at = self._open_child(at, part, create)
        except OSError as error:
            os.close(at)
            where = os.path.join(self.path, *parts)
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise Conflict(f"{where}: a link or a file is in the way of a folder", hint="move it away") from error
            raise
        self._parent = (parts, at)
        return at

    @staticmethod
    def _open_child(at: int, part: str, create: bool) -> int:
        try:
            child = os.open(part, _FOLDER, dir_fd=at)
        except FileNotFoundError:
            if not create:
                raise
            os.mkdir(part, 0o700, dir_fd=at)
            child = os.open(part, _FOLDER, dir_fd=at)
        os.close(at)
        return child

    def find(self, path: str) -> os.stat_result | None:
        """What is at a path below the target, by ``lstat``; None when nothing is."""
        *folder, name = split_path(path)
        try:
            return os.stat(name, dir_fd=self._open_folder(tuple(folder), create=False), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open_file(self, path: str) -> int:
        """A file below the target, for reading."""
        *folder, name = split_path(path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(name, flags, dir_fd=self._open_folder(tuple(folder), create=False))

    def read_link(self, path: str) -> bytes:
        """What a link below the target points to."""
        *folder, name = split_path(path)
        return os.fsencode(os.readlink(name, dir_fd=self._open_folder(tuple(folder), create=False)))

    def create_file(self, path: str) -> PendingFile:
        """Begin a file: it is there, whole, once it is finished, and what was there before until then."""
        *folder, name = split_path(path)
        pending = f".ctx-{os.getpid()}-{next(_numbers)}.part"
        at = self._open_folder(tuple(folder), create=True)
        fd = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=at)
        return PendingFile(self, tuple(folder), name, pending, fd)

    def write_link(self, path: str, target: bytes, mtime_ns: int) -> None:
        """Put a symbolic link in place."""
        *folder, name = split_path(path)
        pending = f".ctx-{os.getpid()}-{next(_numbers)}.part"
        at = self._open_folder(tuple(folder), create=True)
        os.symlink(target, os.fsencode(pending), dir_fd=at)
        os.utime(pending, ns=(mtime_ns, mtime_ns), dir_fd=at, follow_symlinks=False)
        self.move_into_place(tuple(folder), pending, name)

    def move_into_place(self, folder: tuple[str, ...], pending: str, name: str) -> None:
        """Rename a finished file or link to its own name. Raises `Conflict` if a folder is in the way."""
        at = self._open_folder(folder, create=True)
        try:
            os.rename(pending, name, src_dir_fd=at, dst_dir_fd=at)
        except OSError as error:
            self.remove_pending(folder, pending)
            if isinstance(error, IsADirectoryError):
                where = os.path.join(self.path, *folder, name)
                raise Conflict(f"{where}: a folder is in the way of a file", hint="move it away") from error
            raise

    def remove_pending(self, folder: tuple[str, ...], pending: str) -> None:
        """Remove what was begun."""
        try:
            os.unlink(pending, dir_fd=self._open_folder(folder, create=False))
        except FileNotFoundError:
            pass

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it; writable for the owner until `finish_folder`."""
        self._open_folder(split_path(path), create=True)

    def finish_folder(self, path: str, mode: int, mtime_ns: int) -> None:
        """Give a folder its mode and time, when nothing more is written below it."""
        fd = self._open_folder(split_path(path), create=True)
        os.utime(fd, ns=(mtime_ns, mtime_ns))
        os.fchmod(fd, mode)

    def remove(self, path: str) -> None:
        """Remove a file or link, or a folder if it is empty."""
        *folder, name = split_path(path)
        try:
            at = self._open_folder(tuple(folder), create=False)
            found = os.stat(name, dir_fd=at, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                os.rmdir(name, dir_fd=at)
            else:
                os.unlink(name, dir_fd=at)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


_numbers = itertools.count()


class PendingFile:
    """A file being written under a name of its own."""

    def __init__(self, target: TargetFolder, folder: tuple[str, ...], name: str, pending: str, fd: int) -> None:
        self._target = target
        self._folder = folder
        self._name = name
        self._pending = pending
        self._fd: int | None = fd

    def write(self, offset: int, data: memoryview) -> None:
        """Put bytes at an offset."""
        assert self._fd is not None
        while data:
            done = os.pwrite(self._fd, data, offset)
            data, offset = data[done:], offset + done

    def finish(self, mode: int, mtime_ns: int, *, durable: bool = False) -> None:
        """Give it its mode and time, and put it in place; `durable`: its bytes are on disk before its name is."""
        assert self._fd is not None
        os.fchmod(self._fd, mode)
        os.utime(self._fd, ns=(mtime_ns, mtime_ns))
        if durable:
            os.fsync(self._fd)
        self._close()
        self._target.move_into_place(self._folder, self._pending, self._name)

    def discard(self) -> None:
        """Remove it unless it is finished."""
        if self._fd is not None:
            self._close()
            self._target.remove_pending(self._folder, self._pending)

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
