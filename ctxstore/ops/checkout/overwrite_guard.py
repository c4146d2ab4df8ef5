"""The overwrite guard: stops a checkout from overwriting files that changed after they were saved."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from ctxstore.errors import Conflict
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.ops.snapshot.stable_read import Stamp, stamp_of


class OverwriteGuard:
    """Records the state of some paths before the safety snapshot reads them, and compares it just before each is
    written.

    Folders are not compared, because their times change with every file written into them.
    """

    def __init__(self, folder: TargetFolder, paths: Iterable[str]) -> None:
        self._folder = folder
        self._stamps = {path: self._read_stamp(path) for path in paths}

    def _read_stamp(self, path: str) -> Stamp | None:
        """Returns the stamp of the file or link at `path`, or None if there is none."""
        try:
            found = self._folder.find(path)
        except Conflict:
            return None  # a file or link exists where a parent folder will be made
        if found is None or stat.S_ISDIR(found.st_mode):
            return None
        # The change time is not compared, because a write changes the other values too. It also changes without a
        # write: SQLite, run as root, changes the owner of a log that it opens to that of the database. The safety
        # snapshot causes this.
        return stamp_of(found)._replace(ctime_ns=0)

    def check(self, path: str) -> None:
        """Raises `Conflict` if the file at `path` changed since it was recorded."""
        if path in self._stamps and self._read_stamp(path) != self._stamps[path]:
            raise Conflict(
                f"{os.path.join(self._folder.path, path)} changed while it was being restored",
                hint="stop the agent that writes it, then run the checkout again",
            )

    def mark_removed(self, path: str) -> None:
        """Records that the checkout itself removed the file at `path`."""
        if path in self._stamps:
            self._stamps[path] = None
