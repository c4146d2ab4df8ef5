"""The part of the façade that finds: messages by their words, a message by its id, credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxstore.history.engine import Engine
from ctxstore.history.revisions import Resolver
from ctxstore.progress import SILENT, Progress

if TYPE_CHECKING:
    from ctxstore.ops.message import Numbered
    from ctxstore.ops.search.find import Filters
    from ctxstore.ops.search.run import Found


class FindingMethods:
    """What `Repo` finds. The index of words is a cache, brought up to date by each search."""

    _engine: Engine

    def search(
        self,
        query: str,
        filters: Filters | None = None,
        *,
        number: int = 20,
        rebuild: bool = False,
        progress: Progress = SILENT,
    ) -> Found:
        """The newest `number` messages (0: all) with these words, of all contexts and their history.

        `rebuild`: make the index anew first. Raises `InvalidInput` for a query without a word, `StorageError`.
        """
        from ctxstore.ops.search.find import Filters
        from ctxstore.ops.search.run import search

        return search(self._engine, query, filters or Filters(), number, rebuild=rebuild, progress=progress)

    def update_index(self, *, rebuild: bool = False, progress: Progress = SILENT) -> Found:
        """Bring the index of words up to date, and ask nothing. Raises `StorageError`."""
        from ctxstore.ops.search.run import update_index

        return update_index(self._engine, rebuild=rebuild, progress=progress)

    def find_messages(self, rev: str, message: str, around: int = 0) -> list[Numbered]:
        """The message of a commit that `message` stands for - its id, the start of it, or its number - and `around` on
        each side. Raises `NotFound`, `InvalidInput`.
        """
        from ctxstore.ops.message import find_messages
        from ctxstore.ops.view import View

        return find_messages(View(self._engine, *Resolver(self._engine).resolve(rev)), message, around)
