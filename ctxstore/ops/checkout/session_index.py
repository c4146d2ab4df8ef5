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

    def found(self) -> list[bytes]:
        """What each would take the place of; empty for nothing. Raises `Conflict`."""
        return [each.found(self._root) if isinstance(each, ReplacingIndexEntry) else b"" for each in self._entries]

    def at_risk(self, found: Sequence[bytes]) -> list[str]:
        """The files in which something is about to be replaced."""
        return [self._path(each) for each, there in zip(self._entries, found, strict=True) if there]

    def refuse_replacing(self) -> None:
        """Raises `AlreadyExists` if something would be replaced."""
        for each, there in zip(self._entries, self.found(), strict=True):
            if there:
                raise AlreadyExists(
                    f"{self._path(each)}: {each.what} would be replaced",
                    hint="save it with `ctx snapshot` and use --overwrite, or use --as-new-session",
                )

    def execute(self, found: Sequence[bytes]) -> None:
        """Put them there, and look that they are. Raises `Conflict` if what is there is not what was `found`."""
        if self.found() != found:
            raise Conflict(
                f"the session in {self._root} changed while it was being restored",
                hint="stop the agent that writes it, then run the checkout again",
            )
        for each in self._entries:
            each.apply(self._root)
            if not each.is_there(self._root):
                raise StorageError(f"{self._path(each)} does not hold {each.what}")

    def _path(self, registration: IndexEntry) -> str:
        return os.path.join(self._root, registration.path)
