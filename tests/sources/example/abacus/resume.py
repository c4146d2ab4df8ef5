"""A talk under another id, for another folder, or up to a message."""

from collections.abc import Sequence

from abacus.transcript import iter_messages
from ctxstore.sources.jsonl.edit import edit_messages
from ctxstore.sources.resumable import (
    ContextChange,
    RestoreFile,
    StoredContext,
    no_index_entries,
    require_message,
    restore_all,
)
from ctxstore.sources.resumable import new_uuid as new_session

__all__ = ["context_of", "index_entries", "new_session", "restore_layout"]

index_entries = no_index_entries


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    if change.is_empty:
        return restore_all(stored)
    (key,) = stored.keys
    if change.until:
        require_message(stored, change.until, iter_messages(stored.read(key)))
    old = stored.context.rpartition("/")[2]
    fields = {"talk": lambda talk: change.session if change.session and talk == old else talk, "folder": change.path}
    edit = edit_messages(iter_messages, fields, until=change.until)
    return [RestoreFile(f"talks/{change.session or old}.jsonl", key, edit, is_new=bool(change.session))]


def context_of(stored: StoredContext, change: ContextChange) -> str:
    return f"abacus/talks/{change.session}" if change.session else stored.context
