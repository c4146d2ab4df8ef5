"""The content of a commit that is scanned: all files, messages and memories, or only their new parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.content.conversation import iter_native, source_of, transcript_key
from ctxstore.ops.content.transcript_changes import changed_messages
from ctxstore.ops.content.view import View, dump_json
from ctxstore.sources.protocol import Message, decoder_of, messages_of
from ctxstore.trees.entries import Entry, FileEntry, decode_entry, decode_key
from ctxstore.trees.files import changed_ranges, read_content
from ctxstore.trees.maps import map_differences

MARGIN = 4 << 10
"""The bytes read before and after a new part of a file, since a credential may extend beyond the new part."""

Messages = Callable[[], Iterable[Message]]


class Document(NamedTuple):
    """Bytes to scan.

    - `blocks`: returns the bytes.
    - `messages`: returns the messages that the document consists of, or is None if it is no transcript.
    - `is_whole`: whether the document is complete. Line numbers are known only then.
    - `before`: returns bytes of the previous commit. Credentials in them are not new.
    - `id`: equal for documents with equal content, or None if unknown.
    """

    path: str
    blocks: Callable[[], Iterable[bytes]]
    messages: Messages | None = None
    memory: str = ""
    is_whole: bool = True
    before: Callable[[], Iterable[bytes]] | None = None
    id: ObjectId | None = None


def iter_documents(engine: Engine, view: View) -> Iterator[Document]:
    """Yields all content of a commit."""
    if view.is_native:
        yield _messages_document("", lambda: map(_end_line, iter_native(view)))
        yield from _memory_documents(view)
    transcript = None if view.is_native else transcript_key(view)
    for path, entry in view.files.entries():
        if isinstance(entry, FileEntry):
            yield (_transcript_document(view, path, entry) if path == transcript else _file_document(view, path, entry))


def iter_new(engine: Engine, before: View, view: View) -> Iterator[Document]:
    """Yields the content of a commit that differs from the commit before it."""
    removed, added = changed_messages(engine, before, view)
    transcript = None if view.is_native else transcript_key(view)
    if added:
        new_messages = list(map(_end_line, added)) if view.is_native else added
        old = _messages_document("", lambda: removed).blocks
        yield _messages_document(transcript or "", lambda: new_messages)._replace(is_whole=False, before=old)
    if view.is_native:
        known = {document.memory: document.blocks for document in _memory_documents(before)}
        yield from (document._replace(before=known.get(document.memory)) for document in _memory_documents(view))
    for key, old_value, new_value in map_differences(before.tree, view.tree):
        path = decode_key(key)
        entry = None if new_value is None or key.startswith(b"/") else decode_entry(new_value)
        if isinstance(entry, FileEntry) and path != transcript:
            old_entry = None if old_value is None else decode_entry(old_value)
            yield from _changed_parts(engine, view, path, (old_entry, entry))


def _end_line(message: Message) -> Message:
    """Ends a native message with a line feed, so that each message is a line."""
    return message._replace(raw=message.raw + b"\n")


def _messages_document(path: str, messages: Messages) -> Document:
    return Document(path, lambda: (message.raw for message in messages()), messages)


def _memory_documents(view: View) -> Iterator[Document]:
    for key in view.memories:
        yield Document("", lambda key=key: (dump_json(view.memories[key]),), memory=key)  # type: ignore[misc]


def _file_document(view: View, path: str, entry: FileEntry) -> Document:
    return Document(path, lambda: view.iter_bytes(path), id=entry.id)


def _transcript_document(view: View, path: str, entry: FileEntry) -> Document:
    """Returns a transcript with its messages. A packed transcript is decoded."""
    source = source_of(view)
    assert source is not None
    decode = decoder_of(source, path)
    return Document(
        path,
        lambda: decode(view.iter_bytes(path)) if decode else view.iter_bytes(path),
        lambda: messages_of(source, path, view.iter_bytes(path)),
        id=entry.id,
    )


def _changed_parts(engine: Engine, view: View, path: str, sides: tuple[Entry | None, FileEntry]) -> Iterator[Document]:
    """Yields the changed parts of a file, or the whole file if it is new. `sides` are the old and the new entry."""
    old, new = sides
    if not isinstance(old, FileEntry):
        yield _file_document(view, path, new)
        return
    if old.id == new.id:
        return
    for changed in changed_ranges(engine.store, old, new):
        after = _with_margin(engine, new, changed.new_start, changed.new_stop)
        before = _with_margin(engine, old, changed.old_start, changed.old_stop)
        yield Document(path, after, is_whole=False, before=before)


def _with_margin(engine: Engine, entry: FileEntry, start: int, stop: int) -> Callable[[], Iterable[bytes]]:
    """Returns a function that reads a range of a file with `MARGIN` bytes on either side."""
    return lambda: read_content(engine.store, entry, max(0, start - MARGIN), min(entry.size, stop + MARGIN))
