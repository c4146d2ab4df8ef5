"""The files of a backup, beside those on disk: which are as they were, and putting back those that are not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from typing import NamedTuple

from .backup import Backup, SavedFile
from .problem import reason


class ComparedFile(NamedTuple):
    """A file of a backup and what is on disk: ``same``, ``differs``, ``missing``, or ``unknown`` (no content was saved,
    or what is there can't be read)."""

    saved: SavedFile
    target: str
    is_inside: bool
    state: str

    @property
    def is_there(self) -> bool:
        """Whether the chat can have it."""
        return self.state != "missing"

    @property
    def can_be_written(self) -> bool:
        """Whether the backup may put it back: only in the project, and only if it has its content."""
        return self.is_inside and self.saved.content is not None


def compare(project: str, backup: Backup) -> list[ComparedFile]:
    """Each file of the backup, once; the later of two."""
    found = {}
    for saved in backup.files:
        target = os.path.normpath(os.path.join(project, saved.path))
        real = os.path.realpath(target)
        found[real] = ComparedFile(saved, real, _is_inside(project, real), _state(real, saved))
    return list(found.values())


def _is_inside(project: str, path: str) -> bool:
    """Whether a path is below the project, and not git's: what is written there may be run."""
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


def write_back(files: Sequence[ComparedFile]) -> list[tuple[ComparedFile, str]]:
    """Write the files as they were saved, each whole or not at all; those that could not be, and why."""
    failed = []
    for file in files:
        try:
            _write(file.target, file.saved)
        except OSError as error:
            failed.append((file, reason(error)))
    return failed


def _write(path: str, saved: SavedFile) -> None:
    if os.path.lexists(path) and not os.path.isfile(path):
        raise OSError(0, "something that is no file is in its place")
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


def _mode_of(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return 0o644
