"""Writing below one folder and nowhere else, whatever the paths contain and whatever links exist on the way."""

from __future__ import annotations

import errno
import itertools
import os
import stat

from ctxstore.errors import Conflict, Corrupt, StorageError

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def split_path(path: str) -> tuple[str, ...]:
    """Splits a path of a tree into its parts. Raises `Corrupt` for a path that could leave its folder."""
    parts = tuple(path.split("/"))
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise Corrupt(f"the tree contains an unsafe path: {path!r}")
    return parts


class TargetFolder:
    """A folder to restore into. No step below it follows a link."""

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            os.makedirs(path, 0o700, exist_ok=True)
            self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        self._parent: tuple[tuple[str, ...], int] = ((), self._fd)

    def close(self) -> None:
        """Closes the folder and the last used folder below it."""
        self._close_parent()
        os.close(self._fd)

    def __enter__(self) -> TargetFolder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _close_parent(self) -> None:
        """Closes the folder below the target that was used last."""
        if self._parent[1] != self._fd:
            os.close(self._parent[1])
        self._parent = ((), self._fd)

    def _open_folder(self, parts: tuple[str, ...], create: bool) -> int:
        """Returns the descriptor of a folder below the target. The last used folder stays open."""
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
                raise Conflict(
                    f"{where}: a link or a file exists where a folder is needed", hint="move it away"
                ) from error
            raise
        self._parent = (parts, at)
        return at

    @staticmethod
    def _open_child(at: int, part: str, create: bool) -> int:
        """Opens a folder inside the folder `at`, and closes `at`. With `create` a missing folder is made."""
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
        """Returns the ``lstat`` result of a path below the target, or None if nothing exists there."""
        *folder, name = split_path(path)
        try:
            return os.stat(name, dir_fd=self._open_folder(tuple(folder), create=False), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open_file(self, path: str) -> int:
        """Opens a file below the target for reading, and returns the descriptor."""
        *folder, name = split_path(path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(name, flags, dir_fd=self._open_folder(tuple(folder), create=False))

    def read_link(self, path: str) -> bytes:
        """Returns the target of a symbolic link below the target folder."""
        *folder, name = split_path(path)
        return os.fsencode(os.readlink(name, dir_fd=self._open_folder(tuple(folder), create=False)))

    def create_file(self, path: str) -> PendingFile:
        """Begins a file under a temporary name. Until it is finished, an existing file stays unchanged."""
        *folder, name = split_path(path)
        pending = f".ctx-{os.getpid()}-{next(_numbers)}.part"
        at = self._open_folder(tuple(folder), create=True)
        fd = os.open(pending, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=at)
        return PendingFile(self, tuple(folder), name, pending, fd)

    def write_link(self, path: str, target: bytes, mtime_ns: int) -> None:
        """Creates a symbolic link, or replaces a file or link with it."""
        *folder, name = split_path(path)
        pending = f".ctx-{os.getpid()}-{next(_numbers)}.part"
        at = self._open_folder(tuple(folder), create=True)
        os.symlink(target, os.fsencode(pending), dir_fd=at)
        os.utime(pending, ns=(mtime_ns, mtime_ns), dir_fd=at, follow_symlinks=False)
        self.move_into_place(tuple(folder), pending, name)

    def move_into_place(self, folder: tuple[str, ...], pending: str, name: str) -> None:
        """Renames a finished file or link to its final name. Raises `Conflict` if a folder has this name."""
        at = self._open_folder(folder, create=True)
        try:
            os.rename(pending, name, src_dir_fd=at, dst_dir_fd=at)
        except OSError as error:
            self.remove_pending(folder, pending)
            if isinstance(error, IsADirectoryError):
                where = os.path.join(self.path, *folder, name)
                raise Conflict(f"{where}: a folder exists where a file is needed", hint="move it away") from error
            raise

    def remove_pending(self, folder: tuple[str, ...], pending: str) -> None:
        """Removes an unfinished file."""
        try:
            os.unlink(pending, dir_fd=self._open_folder(folder, create=False))
        except FileNotFoundError:
            pass

    def make_folder(self, path: str) -> None:
        """Makes a folder and its parents. They are writable for the owner until `finish_folder`."""
        self._open_folder(split_path(path), create=True)

    def finish_folder(self, path: str, mode: int, mtime_ns: int) -> None:
        """Sets a folder's mode and modification time (ns), after everything below it is written."""
        fd = self._open_folder(split_path(path), create=True)
        os.utime(fd, ns=(mtime_ns, mtime_ns))
        os.fchmod(fd, mode)

    def remove(self, path: str) -> None:
        """Removes a file, a link or an empty folder. A folder that is not empty is kept."""
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
    """A file that is being written under a temporary name."""

    def __init__(self, target: TargetFolder, folder: tuple[str, ...], name: str, pending: str, fd: int) -> None:
        self._target = target
        self._folder = folder
        self._name = name
        self._pending = pending
        self._fd: int | None = fd

    def write(self, offset: int, data: memoryview) -> None:
        """Writes bytes at an offset."""
        assert self._fd is not None
        while data:
            done = os.pwrite(self._fd, data, offset)
            data, offset = data[done:], offset + done

    def finish(self, mode: int, mtime_ns: int, *, durable: bool = False) -> None:
        """Sets the mode and modification time (ns), and renames the file to its final name.

        With `durable` the bytes are on disk before the file gets its name.
        """
        assert self._fd is not None
        os.fchmod(self._fd, mode)
        os.utime(self._fd, ns=(mtime_ns, mtime_ns))
        if durable:
            os.fsync(self._fd)
        self._close()
        self._target.move_into_place(self._folder, self._pending, self._name)

    def discard(self) -> None:
        """Removes the file unless it is finished."""
        if self._fd is not None:
            self._close()
            self._target.remove_pending(self._folder, self._pending)

    def _close(self) -> None:
        """Closes the file, if it is open."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
