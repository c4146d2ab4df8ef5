"""Sums a file of JSON lines up while its bytes pass by, record by record, as the parser of the same agent cuts them."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

from ctxstore.sources.jsonl.lines import BLANK, Documents, LineSpan, LineSplitter, is_blank, iter_lines, may_continue
from ctxstore.sources.jsonl.messages import Read
from ctxstore.sources.protocol import Attributes

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)


class RecordTally(Protocol[R_contra]):
    """Adds records up. Made anew for each file; one that goes on from earlier attributes begins with those."""

    def add(self, record: R_contra) -> None:
        """The next record that could be understood."""

    def attributes(self) -> Attributes:
        """What all of them say. `messages` is ``None`` if only a scan from the start can tell."""


class RecordScanner(Generic[R]):
    """A `Scanner` over records. `resumed`: it sees what was added to a file only.

    If that may begin inside a pretty-printed document, the messages can't be counted: what precedes decides
    whether its first line is a record.
    """

    def __init__(self, read: Read[R], tally: RecordTally[R], *, resumed: bool) -> None:
        self._read = read
        self._tally = tally
        self._anew: bool | None = None if resumed else True
        self._lines = LineSplitter()
        self._documents = Documents()

    def feed(self, block: bytes) -> None:
        """The next bytes. Blocks break anywhere."""
        for span in self._lines.feed(block):
            self._span(span)

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        for span in self._lines.finish():
            self._span(span)
        for document in self._documents.close():
            self._add(document)
        found = self._tally.attributes()
        return found._replace(messages=None) if self._anew is False else found

    def _span(self, span: LineSpan) -> None:
        if self._anew is None:
            self._anew = begins_anew(span)
        if not span.whole:
            for document in self._documents.close():
                self._add(document)
            return
        if not self._documents.is_open and is_blank(span):
            return
        for line in iter_lines(span):
            for document in self._documents.add(line):
                self._add(document)

    def _add(self, document: bytes) -> None:
        if document[0] in BLANK and not document.strip(BLANK):
            return
        for _, record in self._read(document):
            if record is not None:
                self._tally.add(record)


def begins_anew(span: LineSpan) -> bool | None:
    """Whether the first line that isn't empty can't be a document's; ``None`` if there is none."""
    if not span.whole:
        return True
    first = next((line for line in iter_lines(span) if line.strip()), None)
    return None if first is None else not may_continue(first)
