"""Compares the files of a backup with those on disk, and restores them."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from .backup import Backup, SavedFile
from .problem import reason


class ComparedFile(NamedTuple):
    """A file of a backup, and its state on disk: ``same``, ``differs``, ``missing`` or ``unknown``.

    ``unknown`` means that no content was saved, or that the file on disk is unreadable.
    """

    saved: SavedFile
    target: str
    is_inside: bool
    state: str

    @property
    def exists(self) -> bool:
        """Whether the file exists on disk, so that the chat can use it."""
        return self.state != "missing"

    @property
    def can_be_restored(self) -> bool:
        """Whether the file may be restored: only inside the project, and only if its content was saved."""
        return self.is_inside and self.saved.content is not None


def compare(project: str, backup: Backup) -> list[ComparedFile]:
    """Compares each file of the backup. Of two entries for the same file, the later one counts."""
    found = {}
    for saved in backup.files:
        target = os.path.normpath(os.path.join(project, saved.path))
        real = os.path.realpath(target)
        found[real] = ComparedFile(saved, real, _is_inside(project, real), _state(real, saved))
    return list(found.values())


def _is_inside(project: str, path: str) -> bool:
    """Whether a path is below the project and outside ``.git``, where a written file might be executed."""
    below = path.startswith(os.path.join(project, ""))
    return below and ".git" not in os.path.relpath(path, project).lower().split(os.sep)


def _state(path: str, saved: SavedFile) -> str:
    if not os.path.isfile(path):
        return "missing"
    if saved.content is None:
        return "unknown"
    try:
        with open(path, "rb") as file:
            return "same" if file.read(len(saved.content) + 1) == saved.content else "differs"
    except OSError:
        return "unknown"


def restore_files(files: Sequence[ComparedFile]) -> list[tuple[ComparedFile, str]]:
    """Restores the files, each one atomically. Returns the failed ones with the reason."""
    failed = []
    for file in files:
        try:
            _write(file.target, file.saved)
        except OSError as error:
            failed.append((file, reason(error)))
    return failed


def _write(path: str, saved: SavedFile) -> None:
    if os.path.lexists(path) and not os.path.isfile(path):
        raise OSError(0, "the path exists and is not a regular file")
    folder = os.path.dirname(path)
    os.makedirs(folder, exist_ok=True)
    mode = saved.mode if saved.mode is not None else _mode_of(path)
    fd, pending = tempfile.mkstemp(prefix=f".{os.path.basename(path)[:100]}.", suffix=".part", dir=folder)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(saved.content or b"")
            file.flush()
            os.fchmod(fd, mode)
            os.fsync(fd)
        os.replace(pending, path)
    except BaseException:
        os.unlink(pending)
        raise
    _sync_folder(folder)


def _sync_folder(path: str) -> None:
    """Makes the names in a folder durable, where the file system can."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS):
            raise
    finally:
        os.close(fd)


def _mode_of(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return 0o644
