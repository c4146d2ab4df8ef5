"""A JSON document → messages, for any agent that can read one record.

A message's `raw` is its record with the comma before it; the array's end is one more, of role ``meta``, as is what
precedes the array in an object. So a document that grows keeps the messages it has, byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from ctxstore.sources.document.split_array import Cut, cut
from ctxstore.sources.protocol import Message

LIMIT = 256 << 20
"""A larger document is not understood: its bytes pass by."""

HEAD, TAIL = "@head", "@tail"
"""The ids of what surrounds the records."""


class MessageBuilder(Protocol):
    """Makes messages of one document's records. Made anew for each document."""

    key: str
    """The member that holds the records, in a document that is an object."""

    def build(self, record: bytes, number: int) -> Message:
        """Returns the message in the `number`-th record, if it is one. `raw` and `offset` are set by others."""

    def head(self, head: bytes) -> Message:
        """Returns the message of the bytes before the array, if they are an object's."""


def iter_messages(blocks: Iterable[bytes], offset: int, builder: MessageBuilder) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        size += len(block)
        held.append(bytes(block))
        if size > LIMIT:
            for piece in filter(None, held):
                yield unknown(piece, offset)
                offset += len(piece)
            held = []
    if size <= LIMIT:
        data, held = b"".join(held), []
        yield from _messages(data, offset, builder)


def unknown(raw: bytes, offset: int) -> Message:
    """Bytes that could not be understood."""
    return Message(f"@{offset}", "unknown", (), None, None, raw, offset)


def meta(id: str) -> Message:
    """Returns a message that nobody said."""
    return Message(id, "meta", (), None, None, b"", 0)


def _messages(data: bytes, offset: int, builder: MessageBuilder) -> Iterator[Message]:
    found = cut(data, builder.key)
    if found is None:
        if data:
            yield unknown(data, offset)
        return
    at = 0
    if data[: found.opening].strip() or not found.records:
        at = found.opening + 1
        yield builder.head(data[:at])._replace(raw=data[:at], offset=offset)
    seen: set[str] = set()
    previous = None
    for number, (start, end) in enumerate(found.records):
        message = builder.build(data[start:end], number)
        id = message.id if message.id and message.id not in seen else f"@{number}"
        yield message._replace(id=id, parent=previous, raw=data[at:end], offset=offset + at)
        seen.add(id)
        previous, at = id, end
    yield from _tail(data[at:], offset + at, found)


def _tail(raw: bytes, offset: int, found: Cut) -> Iterator[Message]:
    if raw:
        yield meta(TAIL)._replace(raw=raw, offset=offset) if found.is_whole else unknown(raw, offset)
