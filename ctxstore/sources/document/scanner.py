"""Sums a JSON document up once all of it was seen: what a record means depends on what follows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ctxstore.sources.document.messages import LIMIT
from ctxstore.sources.protocol import Attributes, Message

COUNTED = frozenset({"user", "assistant", "system", "tool"})


class DocumentTally(Protocol):
    """Adds messages up, but for their number."""

    def add(self, message: Message) -> None:
        """The next message."""

    def attributes(self) -> Attributes:
        """What all of them say."""


class DocumentScanner:
    """A `Scanner` that holds the document until its end, up to what the parser understands.

    A document that grew is another document: after `before`, the messages can't be counted.
    """

    def __init__(
        self,
        parse: Callable[[Iterable[bytes]], Iterator[Message]],
        tally: DocumentTally,
        before: Attributes | None = None,
    ) -> None:
        self._parse = parse
        self._tally = tally
        self._before = before
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> None:
        """The next bytes. Blocks break anywhere."""
        self._size += len(block)
        if self._before is None and self._size <= LIMIT:
            self._held.append(bytes(block))
        else:
            self._held = []

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        if self._before is not None:
            return self._before._replace(messages=None)
        messages = 0
        for message in self._parse(self._release()):
            messages += message.role in COUNTED
            self._tally.add(message)
        return self._tally.attributes()._replace(messages=messages)

    def _release(self) -> Iterator[bytes]:
        """What is held back, let go of on the way: the parser puts it together, which takes as much again."""
        self._held.reverse()
        while self._held:
            yield self._held.pop()
