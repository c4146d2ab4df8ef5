"""Reads a file of JSON lines as messages, for any agent whose source can read one record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ctxstore.sources.jsonl.lines import BLANK, LIMIT, Documents, LineSpan, LineSplitter, is_blank, iter_lines
from ctxstore.sources.protocol import Message, unknown_message

R = TypeVar("R")

Read = Callable[[bytes], list[tuple[bytes, R | None]]]
"""A line, or a pretty-printed document → its pieces, each with its record; ``None``: it can't be understood. Joined,
the pieces are the input."""

Build = Callable[[bytes, R, int], Message]
"""(raw, record, offset) → the message."""


def iter_messages(blocks: Iterable[bytes], offset: int, read: Read[R], build: Build[R]) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Joined, their `raw` is equal to the
    input.

    An empty line belongs to the message before it. At the start of a file, it belongs to the first message.
    """
    for raw, record in iter_padded(blocks, read):
        yield unknown_message(raw, offset) if record is None else build(raw, record, offset)
        offset += len(raw)


def iter_padded(blocks: Iterable[bytes], read: Read[R]) -> Iterator[tuple[bytes, R | None]]:
    """Yields parts of a file as `iter_records` does, but adds empty lines to the record before them, or to the first
    record."""
    held: bytes | None = None
    held_record: R | None = None
    blank = bytearray()
    for raw, record in iter_records(blocks, read):
        if record is None and not raw.strip(BLANK) and len(blank) <= LIMIT:
            blank += raw
            continue
        if held is not None:
            yield held + blank, held_record
            held = raw
        else:
            held = bytes(blank) + raw
        held_record = record
        blank.clear()
    if held is not None or blank:
        yield (held or b"") + blank, held_record


def iter_records(blocks: Iterable[bytes], read: Read[R]) -> Iterator[tuple[bytes, R | None]]:
    """Yields the parts of a whole file in order, including empty lines. A line longer than `LIMIT` is divided, and its
    parts have None as the record."""
    lines, documents = LineSplitter(), Documents()
    for block in blocks:
        for span in lines.feed(bytes(block)):
            yield from _pieces_of(span, documents, read)
    for span in lines.finish():
        yield from _pieces_of(span, documents, read)
    for record in documents.close():
        yield from read(record)


def _pieces_of(span: LineSpan, documents: Documents, read: Read[R]) -> Iterator[tuple[bytes, R | None]]:
    if not span.whole:
        for record in documents.close():
            yield from read(record)
        yield span.data[span.start : span.end], None
        return
    if not documents.is_open and is_blank(span):
        yield span.data[span.start : span.end], None
        return
    for line in iter_lines(span):
        for record in (line,) if documents.is_record(line) else documents.add(line):
            if record[0] in BLANK and not record.strip(BLANK):
                yield record, None
            else:
                yield from read(record)
