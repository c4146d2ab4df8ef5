"""Reading of messages that the index found. The text comes from the repository: the index only has positions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.commits import read_commit
from ctxstore.history.engine import Engine
from ctxstore.ids import ObjectId
from ctxstore.ops.content.conversation import iter_messages, iter_native, source_of, transcript_key
from ctxstore.ops.content.view import View
from ctxstore.ops.search.index_writer import message_hash
from ctxstore.sources.protocol import Message, Source, is_read_whole
from ctxstore.trees.entries import FileEntry
from ctxstore.trees.files import read_content


class MessageAddress(NamedTuple):
    """A message's hash, and its position when it was first indexed.

    `offset` is the offset of a transcript's message in bytes, or a native message's number. `length` is in bytes.
    """

    hash: int
    offset: int
    length: int


class _OpenCommit(NamedTuple):
    """A commit, and its transcript unless that can only be read whole."""

    view: View
    source: Source | None
    transcript: FileEntry | None


class HitReader:
    """Reads found messages from commits. Keeps the last 64 commits open."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open = lru_cache(64)(self._open_commit)

    def find(self, address: MessageAddress, commits: Iterable[ObjectId]) -> Message | None:
        """Finds a message by its hash, or returns None.

        Reads it first at its known position in each of `commits`, then searches each commit as a whole. Skips commits
        that cannot be read.
        """
        readable: list[_OpenCommit] = []
        for id in commits:
            try:
                opened = self._open(id)
                readable.append(opened)
                message = _find_match(self._read_at(opened, address), address)
            except (Corrupt, NotFound):
                continue
            if message is not None:
                return message
        for opened in readable:
            try:
                message = _find_match(iter_messages(opened.view), address)
            except (Corrupt, NotFound):
                continue
            if message is not None:
                return message
        return None

    def _open_commit(self, id: ObjectId) -> _OpenCommit:
        commit = read_commit(self._engine.store, id)
        view = View(self._engine, commit.ref, id, commit)
        source, key = source_of(view), transcript_key(view)
        if source is None or key is None or is_read_whole(source, key):
            return _OpenCommit(view, None, None)
        return _OpenCommit(view, source, view.get_file(key))

    def _read_at(self, opened: _OpenCommit, address: MessageAddress) -> Iterator[Message]:
        """Yields the messages at the known position. Yields none if the transcript is shorter or read as a whole."""
        start, stop = address.offset, address.offset + address.length
        if opened.view.is_native:
            return iter_native(opened.view, start, start + 1)
        if opened.source is None or opened.transcript is None or stop > opened.transcript.size:
            return iter(())
        return opened.source.messages(read_content(self._engine.store, opened.transcript, start, stop), start)


def _find_match(messages: Iterable[Message], address: MessageAddress) -> Message | None:
    """Returns the first message with the hash of `address`."""
    return next((message for message in messages if message_hash(message) == address.hash), None)
