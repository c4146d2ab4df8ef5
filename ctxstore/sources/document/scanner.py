"""The scanner of a JSON document. It reads the whole document first, because the meaning of a record depends on later
ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from ctxstore.sources.document.messages import LIMIT
from ctxstore.sources.protocol import Attributes, Message

COUNTED = frozenset({"user", "assistant", "system", "tool"})


class DocumentSummary(Protocol):
    """Adds messages up: a `SessionSummary`."""

    def count_message(self) -> None:
        """Counts one more message."""

    def add(self, message: Message) -> None:
        """Adds the next message, counted or not."""

    def attributes(self) -> Attributes:
        """Returns the attributes of all messages so far."""


class DocumentScanner:
    """A `Scanner` that buffers the document until its end, up to the size that the parser accepts.

    With `before`, the messages cannot be counted, because a document that grew has to be read again from its start.
    """

    def __init__(
        self,
        parse: Callable[[Iterable[bytes]], Iterator[Message]],
        summary: DocumentSummary,
        before: Attributes | None = None,
    ) -> None:
        self._parse = parse
        self._summary = summary
        self._before = before
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, block: bytes) -> None:
        """Reads the next bytes. Blocks break anywhere."""
        self._size += len(block)
        if self._before is None and self._size <= LIMIT:
            self._held.append(bytes(block))
        else:
            self._held = []

    def finish(self) -> Attributes:
        """Returns the attributes, once the file ended."""
        if self._before is not None:
            return self._before._replace(messages=None)
        for message in self._parse(self._release()):
            if message.role in COUNTED:
                self._summary.count_message()
            self._summary.add(message)
        return self._summary.attributes()

    def _release(self) -> Iterator[bytes]:
        """Yields the blocks and drops this object's reference to each as it is read, because the parser joins them into
        a second copy."""
        self._held.reverse()
        while self._held:
            yield self._held.pop()
