"""Putting a whole database back in its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ctxstore.errors import InvalidInput
from ctxstore.sources.resumable import ContextChange, RestoreFile, StoredContext


def restore_whole_database(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    """The database, and an empty log: that of the one before would be read as belonging to it. The log's index is made
    anew by SQLite when nobody has it open."""
    if not change.is_empty:
        raise InvalidInput(f"{stored.context} can only be brought back as it was: it is all sessions at once")
    logs = [empty_log(key) for key in stored.keys]
    return sorted([*(RestoreFile(key, key) for key in stored.keys), *logs], key=lambda laid: laid.key)


def empty_log(key: str) -> RestoreFile:
    """An empty log for the database `key`."""
    return RestoreFile(key + "-wal", None, _nothing, is_new=True)


def _nothing(blocks: Iterator[bytes]) -> Iterator[bytes]:
    return iter(())
