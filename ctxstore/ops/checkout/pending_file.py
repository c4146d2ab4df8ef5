"""A file of a checkout that is being written."""

from __future__ import annotations

from ctxstore.ops.checkout.target_folder import TargetFolder


class PendingFile:
    """A file that is being written under a temporary name below the target folder."""

    def __init__(self, target: TargetFolder, path: str) -> None:
        self._target = target
        self._path = path
        self._file = target.create_file(path)

    def write(self, offset: int, data: memoryview) -> None:
        """Writes bytes at an offset."""
        self._file.write(data, offset)

    def set_attributes(self, mode: int, mtime_ns: int) -> None:
        """Sets the mode, without special bits, and the modification time (ns)."""
        self._target.set_owner(self._path, self._file)
        self._file.set_mode(mode)
        self._file.set_time(mtime_ns)

    def sync(self) -> None:
        """Makes the file durable. May run in another thread, beside that of other files."""
        self._file.sync()

    def rename(self) -> None:
        """Gives the file its final name."""
        self._target.move_into_place(self._path, self._file)

    def discard(self) -> None:
        """Removes the file unless it was renamed."""
        self._target.discard(self._path, self._file)
