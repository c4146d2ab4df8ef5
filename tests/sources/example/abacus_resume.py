"""A restored talk: with another id, for another folder, or up to a message."""

from collections.abc import Iterator, Sequence

from abacus_talk import iter_messages

from ctxstore.errors import NotFound
from ctxstore.sources.jsonl.edit import edit_line
from ctxstore.sources.resumable import ContextChange, RestoreFile, StoredContext


def restore_layout(stored: StoredContext, change: ContextChange) -> Sequence[RestoreFile]:
    (key,) = stored.keys
    if change.is_empty:
        return [RestoreFile(key, key)]
    old = stored.context.rpartition("/")[2]
    if change.until and all(message.id != change.until for message in iter_messages(stored.read(key))):
        raise NotFound(f"{stored.context} has no message {change.until!r}")
    fields = {"talk": lambda talk: change.session if change.session and talk == old else talk, "folder": change.path}

    def edit(blocks: Iterator[bytes]) -> Iterator[bytes]:
        for message in iter_messages(blocks):
            yield edit_line(message.raw, fields)
            if message.id == change.until:
                return

    return [RestoreFile(f"talks/{change.session or old}.jsonl", key, edit, is_new=bool(change.session))]
