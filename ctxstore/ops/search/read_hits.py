"""Reading a message that the index found: the store decides what it says, the index only where to look."""

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
    """A message's hash, and where it was when it was first seen: byte or number, and its length."""

    hash: int
    place: int
    length: int


class _Opened(NamedTuple):
    """A commit, and its transcript if its bytes are what messages are cut from."""

    view: View
    source: Source | None
    transcript: FileEntry | None


class HitReader:
    """Finds messages in commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._open = lru_cache(64)(self._open_commit)

    def find(self, address: MessageAddress, commits: Iterable[ObjectId]) -> Message | None:
        """The message in the first of `commits` that has it where it was, else wherever it is in one of them."""
        readable: list[_Opened] = []
        for id in commits:
            try:
                opened = self._open(id)
                readable.append(opened)
                message = _matching(self._at(opened, address), address)
            except (Corrupt, NotFound):
                continue
            if message is not None:
                return message
        for opened in readable:
            try:
                message = _matching(iter_messages(opened.view), address)
            except (Corrupt, NotFound):
                continue
            if message is not None:
                return message
        return None

    def _open_commit(self, id: ObjectId) -> _Opened:
        commit = read_commit(self._engine.store, id)
        view = View(self._engine, commit.ref, id, commit)
        source, key = source_of(view), transcript_key(view)
        if source is None or key is None or is_read_whole(source, key):
            return _Opened(view, None, None)
        return _Opened(view, source, view.get_file(key))

    def _at(self, opened: _Opened, address: MessageAddress) -> Iterator[Message]:
        start, stop = address.place, address.place + address.length
        if opened.view.is_native:
            return iter_native(opened.view, start, start + 1)
        if opened.source is None or opened.transcript is None or stop > opened.transcript.size:
            return iter(())
        return opened.source.messages(read_content(self._engine.store, opened.transcript, start, stop), start)


def _matching(messages: Iterable[Message], address: MessageAddress) -> Message | None:
    return next((message for message in messages if message_hash(message) == address.hash), None)
