"""The update of an agent's session index: adds a restored session, and reports the entry that it replaces."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ctxstore.errors import AlreadyExists, Conflict, StorageError
from ctxstore.sources.resumable import IndexEntry, ReplacingIndexEntry


class SessionIndexUpdate:
    """The index entries of one checkout, for the agent at `home`."""

    def __init__(self, home: str, index_entries: Sequence[IndexEntry]) -> None:
        self._home = home
        self._entries = index_entries

    def find_replaced(self) -> list[bytes]:
        """Returns, for each entry, a fingerprint of the data it would replace. Empty if it replaces nothing.

        Raises `Conflict` if the present data can't be read.
        """
        return [entry.found(self._home) if isinstance(entry, ReplacingIndexEntry) else b"" for entry in self._entries]

    def refuse_replacing(self) -> None:
        """Raises `AlreadyExists` if an entry would replace data."""
        for entry, old in zip(self._entries, self.find_replaced(), strict=True):
            if old:
                raise AlreadyExists(
                    f"{self._path(entry)}: {entry.what} would be replaced",
                    hint="save it with `ctx snapshot` and use --overwrite, or use --as-new-session",
                )

    def execute(self, replaced: Sequence[bytes]) -> None:
        """Adds the entries and verifies that the index contains them.

        `replaced` is the earlier result of `find_replaced`. Raises `Conflict` if the index changed since.
        """
        if self.find_replaced() != replaced:
            raise Conflict(
                f"the session in {self._home} changed while it was being restored",
                hint="stop the agent that writes it, then run the checkout again",
            )
        for entry in self._entries:
            entry.apply(self._home)
            if not entry.is_there(self._home):
                raise StorageError(f"{self._path(entry)} does not contain {entry.what} after it was written")

    def _path(self, entry: IndexEntry) -> str:
        """Returns the path of the file that an entry is added to."""
        return os.path.join(self._home, entry.path)
