"""What of a commit is looked through: its files, a program's messages and memories; whole, or only what is new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.content.conversation import iter_native, source_of, transcript_key
from ctxstore.ops.content.diff import changed_messages
from ctxstore.ops.content.view import View, dump_json
from ctxstore.sources.protocol import Message, decoder_of, messages_of
from ctxstore.trees.entries import Entry, FileEntry, decode_entry, decode_key
from ctxstore.trees.files import changed_ranges, read_content
from ctxstore.trees.maps import map_differences

AROUND = 4 << 10
"""Bytes before and after what is new in a file that are read with it: what is new may be the end of a credential."""

Messages = Callable[[], Iterable[Message]]


class Document(NamedTuple):
    """Bytes to look through.

    `messages`, joined, are the document, if it is made of messages. Only a `whole` one has lines to count. What is in
    the bytes `before` too is not new. `id` is that of equal content.
    """

    path: str
    blocks: Callable[[], Iterable[bytes]]
    messages: Messages | None = None
    memory: str = ""
    is_whole: bool = True
    before: Callable[[], Iterable[bytes]] | None = None
    id: ObjectId | None = None


def iter_documents(engine: Engine, view: View) -> Iterator[Document]:
    """All of a commit."""
    if view.is_native:
        yield _of_messages("", lambda: map(_line, iter_native(view)))
        yield from _memories(view)
    transcript = None if view.is_native else transcript_key(view)
    for path, entry in view.files.entries():
        if isinstance(entry, FileEntry):
            yield _transcript(view, path, entry) if path == transcript else _file(view, path, entry)


def iter_new(engine: Engine, before: View, view: View) -> Iterator[Document]:
    """What of a commit was not in the one before."""
    removed, added = changed_messages(engine, before, view)
    transcript = None if view.is_native else transcript_key(view)
    if added:
        found = list(map(_line, added)) if view.is_native else added
        old = _of_messages("", lambda: removed).blocks
        yield _of_messages(transcript or "", lambda: found)._replace(is_whole=False, before=old)
    if view.is_native:
        known = {memory.memory: memory.blocks for memory in _memories(before)}
        yield from (memory._replace(before=known.get(memory.memory)) for memory in _memories(view))
    for key, was, now in map_differences(before.tree, view.tree):
        path = decode_key(key)
        entry = None if now is None or key.startswith(b"/") else decode_entry(now)
        if isinstance(entry, FileEntry) and path != transcript:
            yield from _changes(engine, view, path, (None if was is None else decode_entry(was), entry))


def _line(message: Message) -> Message:
    """A program's message as a line of its own."""
    return message._replace(raw=message.raw + b"\n")


def _of_messages(path: str, messages: Messages) -> Document:
    return Document(path, lambda: (message.raw for message in messages()), messages)


def _memories(view: View) -> Iterator[Document]:
    for key in view.memories:
        yield Document("", lambda key=key: (dump_json(view.memories[key]),), memory=key)  # type: ignore[misc]


def _file(view: View, path: str, entry: FileEntry) -> Document:
    return Document(path, lambda: view.iter_bytes(path), id=entry.id)


def _transcript(view: View, path: str, entry: FileEntry) -> Document:
    """Of a packed one what is in it."""
    source = source_of(view)
    assert source is not None
    decode = decoder_of(source, path)
    return Document(
        path,
        lambda: decode(view.iter_bytes(path)) if decode else view.iter_bytes(path),
        lambda: messages_of(source, path, view.iter_bytes(path)),
        id=entry.id,
    )


def _changes(engine: Engine, view: View, path: str, sides: tuple[Entry | None, FileEntry]) -> Iterator[Document]:
    old, new = sides
    if not isinstance(old, FileEntry):
        yield _file(view, path, new)
        return
    if old.id == new.id:
        return
    for changed in changed_ranges(engine.store, old, new):
        is_there = _around(engine, new, changed.new_start, changed.new_stop)
        yield Document(path, is_there, is_whole=False, before=_around(engine, old, changed.old_start, changed.old_stop))


def _around(engine: Engine, entry: FileEntry, start: int, stop: int) -> Callable[[], Iterable[bytes]]:
    return lambda: read_content(engine.store, entry, max(0, start - AROUND), min(entry.size, stop + AROUND))
