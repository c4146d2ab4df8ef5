"""The parts of a checkout that agents with a database have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ctxstore.sources.context_names import group_of
from ctxstore.sources.resumable import ContextChange, IndexEntry, StoredContext
from ctxstore.sources.sqlite.layout import DatabaseModule, is_session


def context_of(stored: StoredContext, change: ContextChange) -> str:
    """The session's name after `change`, by its id and the folder it works in."""
    if not is_session(stored.context):
        return stored.context
    source, group, session = stored.context.split("/")
    if stored.project:
        group = group_of(change.path(stored.project))
    return f"{source}/{group}/{change.session or session}"


def session_rows(
    file: str, agent: str, database: DatabaseModule, session: str, lines: Callable[[], Iterator[bytes]]
) -> IndexEntry:
    """The entry that puts a session's rows into the agent's database."""
    from ctxstore.sources.sqlite.restore_rows import Rows

    return Rows(file, f"the rows of session {session}", agent, database.LAYOUT, session, lines)
