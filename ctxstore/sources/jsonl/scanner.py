"""The scanner of a file of JSON lines. It divides the file into records as the parser of the same agent does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from ctxstore.sources.jsonl.lines import BLANK, Documents, LineSpan, LineSplitter, is_blank, iter_lines, may_continue
from ctxstore.sources.jsonl.messages import Read
from ctxstore.sources.protocol import Attributes

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

AddLines = Callable[[LineSpan], bool]
"""Adds all lines of a span to a summary at once. Returns false, and adds none, if it can't."""


class RecordSummary(Protocol[R_contra]):
    """Computes the attributes of a session from its records: a `SessionSummary`. Each file needs a new one."""

    is_resumed: bool

    def add(self, record: R_contra) -> None:
        """Adds the next record that could be understood."""

    def attributes(self) -> Attributes:
        """Returns the attributes of all records so far. `messages` is ``None`` if only a scan from the start can count
        them."""


class RecordScanner(Generic[R]):
    """A `Scanner` of records. If its summary is resumed, the scanner reads only the bytes that were appended to a file.

    If the appended bytes may begin inside a pretty-printed document, the messages cannot be counted, because earlier
    lines decide whether the first line is a record.

    `add_lines` is tried first. Its result must be equal to that of `read` and `summary`.
    """

    def __init__(self, read: Read[R], summary: RecordSummary[R], add_lines: AddLines | None = None) -> None:
        self._read = read
        self._summary = summary
        self._add_lines = add_lines or _add_no_lines
        self._anew: bool | None = None if summary.is_resumed else True
        self._lines = LineSplitter()
        self._documents = Documents()

    def feed(self, block: bytes) -> None:
        """Reads the next bytes. Blocks break anywhere."""
        for span in self._lines.feed(block):
            self._span(span)

    def finish(self) -> Attributes:
        """Returns the attributes, once the file ended."""
        for span in self._lines.finish():
            self._span(span)
        for document in self._documents.close():
            self._add(document)
        found = self._summary.attributes()
        return found._replace(messages=None) if self._anew is False else found

    def _span(self, span: LineSpan) -> None:
        if self._anew is None:
            self._anew = begins_anew(span)
        if not span.whole:
            for document in self._documents.close():
                self._add(document)
            return
        if not self._documents.is_open and (is_blank(span) or self._add_lines(span)):
            return
        for line in iter_lines(span):
            if self._documents.is_record(line):
                self._add(line)
                continue
            for document in self._documents.add(line):
                self._add(document)

    def _add(self, document: bytes) -> None:
        if document[0] in BLANK and not document.strip(BLANK):
            return
        for _, record in self._read(document):
            if record is not None:
                self._summary.add(record)


def begins_anew(span: LineSpan) -> bool | None:
    """Whether the first line that isn't empty can't be a document's; ``None`` if there is none."""
    if not span.whole:
        return True
    first = next((line for line in iter_lines(span) if line.strip()), None)
    return None if first is None else not may_continue(first)


def _add_no_lines(span: LineSpan) -> bool:
    return False
