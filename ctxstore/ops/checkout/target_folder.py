"""Writing below one folder and nowhere else, whatever the paths contain and whatever links exist on the way."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from ctxstore.durable.new_file import NewFile, new_name, own_as_folder, remove_leftovers
from ctxstore.durable.replace import make_folders
from ctxstore.durable.sync import UNSUPPORTED, sync_folder
from ctxstore.errors import Conflict, Corrupt, StorageError
from ctxstore.ops.checkout.link_policy import LinkPolicy

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def split_path(path: str) -> tuple[str, ...]:
    """Splits a path of a tree into its parts. Raises `Corrupt` for a path that could leave its folder."""
    parts = tuple(path.split("/"))
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise Corrupt(f"the tree contains an unsafe path: {path!r}")
    return parts


class FileLocation(NamedTuple):
    """A name in an open folder. `parts` are the folder's below the target, or None if a link leads elsewhere."""

    folder: int
    name: str
    parts: tuple[str, ...] | None


class TargetFolder:
    """A folder to restore into. No step below it follows a link, unless `links` allows it.

    `unsupported` counts what its file systems could not keep: ``modes``, ``times``, ``links``, ``owners``, ``sync``.
    """

    def __init__(self, path: str, links: LinkPolicy | None = None) -> None:
        self.path = path
        self._links = links
        self.unsupported: Counter[str] = Counter()
        self._unsynced: set[tuple[str, ...]] = set()
        self._cleaned: set[tuple[str, ...]] = set()
        self._elsewhere: dict[str, FileLocation] = {}
        try:
            make_folders(path)
            self._fd = os.open(path, _FOLDER)
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error
        self._parent: tuple[tuple[str, ...], int] = ((), self._fd)

    def close(self) -> None:
        """Closes all folders."""
        self._close_parent()
        for location in self._elsewhere.values():
            os.close(location.folder)
        self._elsewhere.clear()
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

    def _open_folder(self, parts: tuple[str, ...], *, create: bool) -> int:
        """Returns the descriptor of a folder below the target. The last used folder stays open."""
        if self._parent[0] == parts:
            return self._parent[1]
        self._close_parent()
        at = os.dup(self._fd)
        try:
            for depth in range(len(parts)):
                child = self._open_child(at, parts[: depth + 1], create=create)
                os.close(at)
                at = child
        except BaseException as error:
            os.close(at)
            where = os.path.join(self.path, *parts)
            if isinstance(error, OSError) and error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise Conflict(
                    f"{where}: a link or a file exists where a folder is needed", hint="move it away"
                ) from error
            raise
        self._parent = (parts, at)
        return at

    def _open_child(self, at: int, parts: tuple[str, ...], *, create: bool) -> int:
        """Opens a folder inside the folder `at`. With `create` a missing folder is made."""
        name = parts[-1]
        try:
            return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=at)
        except FileNotFoundError:
            if not create:
                raise
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR) or not self._follows(at, parts):
                raise
            return os.open(name, _FOLDER, dir_fd=at)
        os.mkdir(name, 0o700, dir_fd=at)
        own_as_folder(at, name)
        self._unsynced.add(parts[:-1])
        return os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=at)

    def _follows(self, at: int, parts: tuple[str, ...]) -> bool:
        """Whether a link exists at a path, and is followed. `at` is the folder that contains it."""
        path = "/".join(parts)
        if self._links is None or not self._links.follows(path):
            return False
        found = os.stat(parts[-1], dir_fd=at, follow_symlinks=False)
        # A link that another user made could lead anywhere.
        if not stat.S_ISLNK(found.st_mode) or found.st_uid not in (os.geteuid(), 0, os.fstat(at).st_uid):
            return False
        self._links.check(os.path.join(self.path, path))
        return True

    def locate(self, path: str, *, create: bool = False) -> FileLocation:
        """Returns where a file is written: at its path, or where a link there leads."""
        if path in self._elsewhere:
            return self._elsewhere[path]
        parts = split_path(path)
        at = self._open_folder(parts[:-1], create=create)
        try:
            if self._links is None or not self._follows(at, parts):
                return FileLocation(at, parts[-1], parts[:-1])
        except FileNotFoundError:
            return FileLocation(at, parts[-1], parts[:-1])
        real = self._links.check(os.path.join(self.path, path))
        if not os.path.isdir(os.path.dirname(real)):
            raise Conflict(
                f"{self.path}/{path} is a link to {real}, whose folder does not exist", hint="make the folder"
            )
        location = FileLocation(os.open(os.path.dirname(real), _FOLDER), os.path.basename(real), None)
        self._elsewhere[path] = location
        return location

    def find(self, path: str) -> os.stat_result | None:
        """Returns the ``lstat`` result of a path below the target, or None if nothing exists there."""
        try:
            location = self.locate(path)
            return os.stat(location.name, dir_fd=location.folder, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def open_file(self, path: str) -> int:
        """Opens a file below the target for reading, and returns the descriptor."""
        location = self.locate(path)
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        return os.open(location.name, flags, dir_fd=location.folder)

    def read_link(self, path: str) -> bytes:
        """Returns the target of a symbolic link below the target folder."""
        location = self.locate(path)
        return os.fsencode(os.readlink(location.name, dir_fd=location.folder))

    def create_file(self, path: str) -> NewFile:
        """Begins a file under a temporary name. Until it is moved into place, an existing file stays unchanged."""
        location = self.locate(path, create=True)
        parts = location.parts if location.parts is not None else ("", path)
        if parts not in self._cleaned:
            self._cleaned.add(parts)
            remove_leftovers(location.folder)
        return NewFile(location.folder)

    def write_link(self, path: str, target: bytes, mtime_ns: int) -> bool:
        """Creates a symbolic link, or replaces a file or link with it. Returns whether the file system has links."""
        *folder, name = split_path(path)
        at = self._open_folder(tuple(folder), create=True)
        pending = new_name()
        try:
            os.symlink(target, os.fsencode(pending), dir_fd=at)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            self.unsupported["links"] += 1
            return False
        try:
            self._attempt("times", lambda: os.utime(pending, ns=(mtime_ns, mtime_ns), dir_fd=at, follow_symlinks=False))
            self._rename(path, lambda: os.rename(pending, name, src_dir_fd=at, dst_dir_fd=at))
        except BaseException:
            os.unlink(pending, dir_fd=at)
            raise
        own_as_folder(at, name)
        self._unsynced.add(tuple(folder))
        return True

    def set_owner(self, path: str, file: NewFile) -> None:
        """Gives a new file the owner of the one it replaces, or else of its folder, if this process is root."""
        if os.geteuid() == 0:
            file.keep_owner(self.find(path) or os.fstat(self.locate(path).folder))

    def move_into_place(self, path: str, file: NewFile) -> None:
        """Renames a finished file to its final name. Raises `Conflict` if a folder has this name."""
        location = self.locate(path, create=True)
        self._rename(path, lambda: file.rename(location.folder, location.name))
        self._mark_unsynced(location)
        self.unsupported.update(file.unsupported)

    def _mark_unsynced(self, location: FileLocation) -> None:
        """Records that the names in a folder changed. A folder elsewhere is synced at once."""
        if location.parts is not None:
            self._unsynced.add(location.parts)
        else:
            self._sync(location.folder)

    def _sync(self, folder: int) -> None:
        """Makes the names in an open folder durable."""
        if not sync_folder(folder):
            self.unsupported["sync"] += 1

    def _rename(self, path: str, rename: Callable[[], None]) -> None:
        """Calls `rename`. Raises `Conflict` if a folder exists at the path."""
        try:
            rename()
        except IsADirectoryError as error:
            where = os.path.join(self.path, path)
            raise Conflict(f"{where}: a folder exists where a file is needed", hint="move it away") from error

    def discard(self, path: str, file: NewFile) -> None:
        """Removes a file that has not got its final name."""
        if file.is_open:
            file.discard(self.locate(path).folder)

    def make_folder(self, path: str) -> None:
        """Makes a folder and its parents. They are writable for the owner until `finish_folder`."""
        self._open_folder(split_path(path), create=True)

    def finish_folder(self, path: str, mode: int, mtime_ns: int) -> None:
        """Sets a folder's mode and modification time (ns), after everything below it is written.

        Set-user-id, set-group-id and sticky bits are unchanged.
        """
        parts = split_path(path)
        fd = self._open_folder(parts, create=True)
        found = os.fstat(fd)
        special = found.st_mode & 0o7000
        if parts not in self._unsynced and (found.st_mode & 0o777, found.st_mtime_ns) == (mode & 0o777, mtime_ns):
            return
        self._attempt("times", lambda: os.utime(fd, ns=(mtime_ns, mtime_ns)))
        self._sync(fd)  # before the mode forbids it
        self._attempt("modes", lambda: os.fchmod(fd, mode & 0o777 | special))
        self._unsynced.discard(parts)

    def _attempt(self, what: str, change: Callable[[], None]) -> None:
        """Calls `change`, and counts it as unsupported if the file system can't do it."""
        try:
            change()
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            self.unsupported[what] += 1

    def remove(self, path: str) -> None:
        """Removes a file, a link or an empty folder. A folder that is not empty is kept."""
        try:
            location = self.locate(path)
            found = os.stat(location.name, dir_fd=location.folder, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                os.rmdir(location.name, dir_fd=location.folder)
            else:
                os.unlink(location.name, dir_fd=location.folder)
            self._mark_unsynced(location)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise

    def sync_folders(self) -> None:
        """Makes the names of everything written and removed durable."""
        for parts in sorted(self._unsynced, reverse=True):
            try:
                fd = self._open_folder(parts, create=False)
            except (FileNotFoundError, Conflict):
                continue  # removed since, or replaced by a file
            self._sync(fd)
        self._unsynced.clear()
