"""Keeps a checkout from writing over what somebody wrote after it was planned and saved."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from ctxstore.errors import Conflict
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.ops.snapshot.stable_read import Stamp, stamp_of


class OverwriteGuard:
    """Remembers what was at some paths, before the safety snapshot read them, and compares just before each is written.

    Folders are left out: their times change with what is written into them.
    """

    def __init__(self, folder: TargetFolder, paths: Iterable[str]) -> None:
        self._folder = folder
        self._stamps = {path: self._read_stamp(path) for path in paths}

    def _read_stamp(self, path: str) -> Stamp | None:
        try:
            found = self._folder.find(path)
        except Conflict:
            return None  # a file or link stands where a folder above it will be
        if found is None or stat.S_ISDIR(found.st_mode):
            return None
        # A write changes the other times too. The change time alone also moves when SQLite, as root, gives a log it
        # opens to the database's owner: saving what is there does that.
        return stamp_of(found)._replace(ctime_ns=0)

    def check(self, path: str) -> None:
        """Raises `Conflict` if the file at `path` is not the one that was seen."""
        if path in self._stamps and self._read_stamp(path) != self._stamps[path]:
            raise Conflict(
                f"{os.path.join(self._folder.path, path)} changed while it was being restored",
                hint="stop the agent that writes it, then run the checkout again",
            )

    def mark_removed(self, path: str) -> None:
        """The checkout itself removed what was at `path`."""
        if path in self._stamps:
            self._stamps[path] = None
