"""The parts of a checkout that agents with a database share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ctxstore.errors import InvalidInput
from ctxstore.sources.context_names import group_of
from ctxstore.sources.resumable import ContextChange, IndexEntry, RestoreFile, StoredContext
from ctxstore.sources.sqlite.layout import DatabaseModule, is_session


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """Returns the session's name after `change`, by its id and the folder it works in."""
    if not is_session(stored.context):
        return stored.context
    source, group, session = stored.context.split("/")
    if stored.project:
        _, dot, database = group.partition(".")  # which of several databases
        group = group_of(change.path(stored.project)) + dot + database
    return f"{source}/{group}/{change.session or session}"


def session_rows(
    file: str, agent: str, database: DatabaseModule, session: str, lines: Callable[[], Iterator[bytes]]
) -> IndexEntry:
    """Returns the entry that puts a session's rows into the agent's database."""
    from ctxstore.sources.sqlite.restore_rows import Rows

    return Rows(file, f"the rows of session {session}", agent, database.LAYOUT, session, lines)


def restore_whole_database(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """Returns the database and an empty log to restore. Otherwise SQLite would apply the log of the previous database.

    SQLite itself rebuilds the log's index when no process has it open.
    """
    if not change.is_empty:
        raise InvalidInput(f"{stored.context} can only be brought back as it was: it is all sessions at once")
    logs = [empty_log(key) for key in stored.keys]
    return sorted([*(RestoreFile(key, key) for key in stored.keys), *logs], key=lambda laid: laid.key)


def empty_log(key: str) -> RestoreFile:
    """Returns an empty log for the database `key`."""
    return RestoreFile(key + "-wal", None, _nothing, is_new=True)


def _nothing(blocks: Iterator[bytes]) -> Iterator[bytes]:
    return iter(())
