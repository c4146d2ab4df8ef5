"""What an agent's own lists are told of a session that a checkout brings back, and what that takes the place of."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ctxstore.errors import AlreadyExists, Conflict, StorageError
from ctxstore.sources.resumable import IndexEntry, ReplacingIndexEntry


class SessionIndexUpdate:
    """The index_entries of one checkout, in the lists of the agent at `root`."""

    def __init__(self, root: str, index_entries: Sequence[IndexEntry]) -> None:
        self._root = root
        self._entries = index_entries

    def find_replaced(self) -> list[bytes]:
        """What entry would take the place of; empty for nothing. Raises `Conflict`."""
        return [entry.found(self._root) if isinstance(entry, ReplacingIndexEntry) else b"" for entry in self._entries]

    def files_at_risk(self, replaced: Sequence[bytes]) -> list[str]:
        """The files in which something is about to be replaced."""
        return [self._path(entry) for entry, old in zip(self._entries, replaced, strict=True) if old]

    def refuse_replacing(self) -> None:
        """Raises `AlreadyExists` if something would be replaced."""
        for entry, old in zip(self._entries, self.find_replaced(), strict=True):
            if old:
                raise AlreadyExists(
                    f"{self._path(entry)}: {entry.what} would be replaced",
                    hint="save it with `ctx snapshot` and use --overwrite, or use --as-new-session",
                )

    def execute(self, replaced: Sequence[bytes]) -> None:
        """Put them there, and look that they are. Raises `Conflict` if what is there is not what was `found`."""
        if self.find_replaced() != replaced:
            raise Conflict(
                f"the session in {self._root} changed while it was being restored",
                hint="stop the agent that writes it, then run the checkout again",
            )
        for entry in self._entries:
            entry.apply(self._root)
            if not entry.is_there(self._root):
                raise StorageError(f"{self._path(entry)} does not hold {entry.what}")

    def _path(self, entry: IndexEntry) -> str:
        return os.path.join(self._root, entry.path)
