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
from ctxstore.sources.protocol import Message, Source, is_read_whole, messages_of
from ctxstore.trees.files import read_content


class MessageAddress(NamedTuple):
    """A message's hash, and its position when it was first indexed.

    `offset` is the offset of a transcript's message in bytes, or a native message's number. `length` is in bytes.
    `path` is the subagent's transcript that contains it; empty: the context's own transcript.
    """

    hash: int
    offset: int
    length: int
    path: str = ""


class _OpenCommit(NamedTuple):
    """A commit, its source, and the path of its transcript."""

    view: View
    source: Source | None
    transcript: str | None


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
                message = _find_match(_iter_all(opened, address.path), address)
            except (Corrupt, NotFound):
                continue
            if message is not None:
                return message
        return None

    def _open_commit(self, id: ObjectId) -> _OpenCommit:
        commit = read_commit(self._engine.store, id)
        view = View(self._engine, commit.ref, id, commit)
        return _OpenCommit(view, source_of(view), transcript_key(view))

    def _read_at(self, opened: _OpenCommit, address: MessageAddress) -> Iterator[Message]:
        """Yields the messages at the known position. Yields none if the transcript is shorter or read as a whole."""
        start, stop = address.offset, address.offset + address.length
        if opened.view.is_native:
            return iter_native(opened.view, start, start + 1)
        path = address.path or opened.transcript
        if opened.source is None or path is None or is_read_whole(opened.source, path):
            return iter(())
        file = opened.view.get_file(path)
        if stop > file.size:
            return iter(())
        return opened.source.messages(read_content(self._engine.store, file, start, stop), start)


def _iter_all(opened: _OpenCommit, path: str) -> Iterator[Message]:
    """Yields all messages of a commit, or of a subagent's transcript in it."""
    if path and opened.source is not None:
        return messages_of(opened.source, path, opened.view.iter_bytes(path))
    return iter_messages(opened.view)


def _find_match(messages: Iterable[Message], address: MessageAddress) -> Message | None:
    """Returns the first message with the hash of `address`."""
    return next((message for message in messages if message_hash(message) == address.hash), None)
