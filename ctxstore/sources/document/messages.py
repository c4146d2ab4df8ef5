"""Converts a JSON document to messages, for any agent whose source can read one record.

The `raw` of a message is its record with the comma before it. The end of the array is one more message, of role
``meta``. So is the text before the array, if the document is an object. So a document that grows keeps its messages,
byte for byte.
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
    """Builds the messages of one document's records. Each document needs a new builder."""

    key: str
    """The member that holds the records, in a document that is an object."""

    def build(self, record: bytes, number: int) -> Message:
        """Returns the message in the record with this number, or None if it is no message. The caller sets `raw` and
        `offset`."""

    def head(self, head: bytes) -> Message:
        """Returns the message of the bytes before the array, if the document is an object."""


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
    """Returns a message for bytes that could not be parsed."""
    return Message(f"@{offset}", "unknown", (), None, None, raw, offset)


def meta(id: str) -> Message:
    """Returns a message of role ``meta``, which nobody wrote."""
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
