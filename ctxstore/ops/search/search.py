"""One search: the index opened, brought up to date, asked."""

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
    """What was found, newest first; `more`: there is more than was asked for.

    `problems` are (context, message) of what could not be read and is not searched. `is_behind`: another process
    brings the index up to date, and what is newest may be missing.
    """

    hits: tuple[SearchHit, ...]
    more: bool
    problems: tuple[tuple[str, str], ...]
    is_behind: bool


def search(
    engine: Engine,
    text: str,
    filters: SearchFilters,
    number: int,
    *,
    rebuild: bool = False,
    progress: Progress = SILENT,
) -> SearchResult:
    """The messages of all contexts and their history that match. Raises `InvalidInput`, `StorageError`."""
    if not isinstance(filters, SearchFilters):
        raise InvalidInput(f"filters are a SearchFilters, not {type(filters).__name__}")
    query = parse_query(text)
    try:
        return _asked(engine, query, (filters, number), rebuild=rebuild, progress=progress)
    except _nonsense():
        # Only a copy: what is in it makes no sense, so it is made anew, and believed or not once more.
        return _asked(engine, query, (filters, number), rebuild=True, progress=progress)


def _nonsense() -> tuple[type[Exception], ...]:
    """What an index raises that is no error of SQLite's until it is asked: SQLite keeps any type in any column."""
    import sqlite3

    return (sqlite3.Error, AttributeError, TypeError, ValueError, OverflowError, IndexError)


def _asked(
    engine: Engine, query: Query, asked: tuple[SearchFilters, int], *, rebuild: bool, progress: Progress
) -> SearchResult:
    database, is_behind = _current(engine, rebuild, progress)
    with closing(database):
        finder = Finder(engine, database)
        hits, more = finder.find(query, *asked)
        wrong = problems(database)
    if finder.unreadable:
        wrong.append(("", f"{finder.unreadable} messages that match can't be read"))
    return SearchResult(tuple(hits), more, tuple(wrong), is_behind)


def update_index(engine: Engine, *, rebuild: bool = False, progress: Progress = SILENT) -> SearchResult:
    """Bring the index up to date, and ask nothing."""
    database, is_behind = _current(engine, rebuild, progress)
    with closing(database):
        return SearchResult((), False, tuple(problems(database)), is_behind)


def _current(engine: Engine, rebuild: bool, progress: Progress) -> tuple[sqlite3.Connection, bool]:
    """The index, up to date; and whether it is not, because another process is at it."""
    folder = index_folder(engine)
    with sole_writer(folder, WAIT) as is_ours:
        if not is_ours:
            return open_index(folder, engine.config.id), True
        if rebuild and folder is not None:
            _remove(folder)
        return _updated(engine, folder, progress), False


def _updated(engine: Engine, folder: str | None, progress: Progress) -> sqlite3.Connection:

    for is_last in (False, False, True):
        database = open_index(folder, engine.config.id)
        try:
            IndexUpdate(engine, database, progress).run()
            return database
        except MustRebuild:
            database.close()
        except _nonsense() as error:
            database.close()
            # Damage that opening it does not show: the index is only a copy.
            if is_last or is_busy(error) or _is_full(error):
                raise StorageError(
                    f"the search index can't be written: {error}", hint="free some space, or try again"
                ) from error
        except BaseException:
            database.close()
            raise
        if folder is not None:
            _remove(folder)
    raise StorageError("the search index can't be brought up to date", hint="try again")


def _remove(folder: str) -> None:
    try:
        remove_index(os.path.join(folder, NAME))
    except OSError as error:
        raise StorageError(f"{folder}: the search index can't be removed: {error.strerror}") from error


def _is_full(error: Exception) -> bool:
    import sqlite3

    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
