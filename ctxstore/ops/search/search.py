"""A search: opens the index, updates it, and queries it."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import InvalidInput, StorageError
from ctxstore.history.engine import Engine
from ctxstore.ops.search.database import (
    NAME,
    WAIT,
    index_folder,
    is_busy,
    open_index,
    remove_index,
    sole_writer,
)
from ctxstore.ops.search.find import Finder, SearchFilters, SearchHit
from ctxstore.ops.search.indexer import IndexUpdate, MustRebuild, problems
from ctxstore.ops.search.query import Query, parse_query
from ctxstore.progress import SILENT, Progress

if TYPE_CHECKING:
    import sqlite3


class SearchResult(NamedTuple):
    """The hits of a search, newest first. `more` is True if there are more than the requested number.

    `problems` lists (context, error message) of commits that could not be read and are not searched. `is_behind` is
    True if another process is updating the index: the newest messages may be missing.
    """

    hits: tuple[SearchHit, ...]
    more: bool
    problems: tuple[tuple[str, str], ...]
    is_behind: bool


def search_messages(
    engine: Engine,
    text: str,
    filters: SearchFilters,
    number: int,
    *,
    rebuild: bool = False,
    progress: Progress = SILENT,
) -> SearchResult:
    """Searches the messages of all contexts and their history, and returns the newest `number` hits (0: all).

    Updates the index first, or rebuilds it with `rebuild`. Raises `InvalidInput` for a query without a word,
    `StorageError` if the index cannot be written.
    """
    if not isinstance(filters, SearchFilters):
        raise InvalidInput(f"filters are a SearchFilters, not {type(filters).__name__}")
    query = parse_query(text)
    try:
        return _search_once(engine, query, (filters, number), rebuild=rebuild, progress=progress)
    except _damage_errors():
        # The index is only a cache. If its content is damaged, rebuild it and try once more.
        return _search_once(engine, query, (filters, number), rebuild=True, progress=progress)


def _damage_errors() -> tuple[type[Exception], ...]:
    """Returns the errors that a damaged index can raise.

    Not all are SQLite's: it stores any type in any column, so that wrong values appear only when they are used.
    """
    import sqlite3

    return (sqlite3.Error, AttributeError, TypeError, ValueError, OverflowError, IndexError)


def _search_once(
    engine: Engine, query: Query, request: tuple[SearchFilters, int], *, rebuild: bool, progress: Progress
) -> SearchResult:
    database, is_behind = _open_current(engine, rebuild, progress)
    with closing(database):
        finder = Finder(engine, database)
        hits, more = finder.find(query, *request)
        unread = problems(database)
    if finder.unreadable:
        unread.append(("", f"{finder.unreadable} messages that match can't be read"))
    return SearchResult(tuple(hits), more, tuple(unread), is_behind)


def update_index(engine: Engine, *, rebuild: bool = False, progress: Progress = SILENT) -> SearchResult:
    """Updates the index without searching. The result has no hits."""
    database, is_behind = _open_current(engine, rebuild, progress)
    with closing(database):
        return SearchResult((), False, tuple(problems(database)), is_behind)


def _open_current(engine: Engine, rebuild: bool, progress: Progress) -> tuple[sqlite3.Connection, bool]:
    """Opens the index and updates it. Returns it, and whether it is out of date since another process updates it."""
    folder = index_folder(engine)
    with sole_writer(folder, WAIT) as is_locked:
        if not is_locked:
            return open_index(folder, engine.config.id), True
        if rebuild and folder is not None:
            _remove(folder)
        return _open_and_update(engine, folder, progress), False


def _open_and_update(engine: Engine, folder: str | None, progress: Progress) -> sqlite3.Connection:
    """Opens the index and updates it. Rebuilds it up to twice if it is damaged. Raises `StorageError`."""
    for is_last in (False, False, True):
        database = open_index(folder, engine.config.id)
        try:
            IndexUpdate(engine, database, progress).run()
            return database
        except MustRebuild:
            database.close()
        except _damage_errors() as error:
            database.close()
            # Opening the index does not detect all damage. The index is only a cache, so it can be rebuilt.
            if is_last or is_busy(error) or _is_full(error):
                raise StorageError(
                    f"cannot write the search index: {error}", hint="free some space, or try again"
                ) from error
        except BaseException:
            database.close()
            raise
        if folder is not None:
            _remove(folder)
    raise StorageError("cannot update the search index: it had to be rebuilt too often", hint="try again")


def _remove(folder: str) -> None:
    try:
        remove_index(os.path.join(folder, NAME))
    except OSError as error:
        raise StorageError(
            f"cannot remove the search index in {folder}: {error.strerror}", hint="check the folder's permissions"
        ) from error


def _is_full(error: Exception) -> bool:
    """Whether SQLite failed because the disk is full or an I/O error occurred."""
    import sqlite3

    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
