"""Divides blocks of any size into whole lines, and these into records.

The parser and the scanner share these functions, so that both divide a file at the same places. Records are not decoded
here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

LIMIT = 64 << 20
"""A longer line, or pretty-printed document, is not understood: its bytes are passed on, none are kept."""

BLANK = b" \t\r\n"
"""The bytes of an empty line."""

_BARE = 16
"""A line of a bracket alone is shorter."""

_OPENING, _CLOSING = (b"{", b"["), (b"}", b"]")


class LineSpan(NamedTuple):
    """Whole lines, ``data[start:end]``. At the end of the file, the last line may have no line end.

    Without `whole`, the bytes are a part of a line that is longer than `LIMIT`.
    """

    data: bytes
    start: int
    end: int
    whole: bool = True


class LineSplitter:
    """Divides blocks into spans of whole lines. Copies and buffers only the last, incomplete line."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0
        self._overlong = False

    def feed(self, block: bytes) -> Iterator[LineSpan]:
        """Yields the spans that end in `block`."""
        for at in range(0, len(block), LIMIT):
            yield from self._cut(block, at, min(at + LIMIT, len(block)))

    def finish(self) -> Iterator[LineSpan]:
        """Yields the last line, if the file does not end with a line's end."""
        if self._held:
            yield self._release(whole=True)

    def _cut(self, block: bytes, start: int, end: int) -> Iterator[LineSpan]:
        if self._held or self._overlong:
            first = block.find(b"\n", start, end) + 1
            yield from self._hold(block[start : first or end])
            if not first:
                return
            if self._held:
                yield self._release(whole=True)
            self._overlong = False
            start = first
        last = block.rfind(b"\n", start, end) + 1
        if last:
            yield LineSpan(block, start, last)
            start = last
        yield from self._hold(block[start:end])

    def _hold(self, piece: bytes) -> Iterator[LineSpan]:
        if not piece:
            return
        self._held.append(piece)
        self._size += len(piece)
        if self._overlong or self._size > LIMIT:
            self._overlong = True
            yield self._release(whole=False)

    def _release(self, *, whole: bool) -> LineSpan:
        data = b"".join(self._held)
        self._held, self._size = [], 0
        return LineSpan(data, 0, len(data), whole)


class Documents:
    """Joins the lines of a pretty-printed JSON document. Any other line is a record.

    A document opens with a line that is only ``{`` or ``[``, continues with indented lines, and closes with a line that
    is only ``}`` or ``]``. A line that fits none of these ends it.
    """

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._size = 0

    @property
    def is_open(self) -> bool:
        """Whether lines of an incomplete document are buffered."""
        return bool(self._held)

    def is_record(self, line: bytes) -> bool:
        """Whether the line is certainly a record. For such a line, which is the usual case, the caller need not call
        `add`."""
        return len(line) >= _BARE and not self._held

    def add(self, line: bytes) -> Iterator[bytes]:
        """Yields the records that `line` completes."""
        if self._held:
            if _bare(line) in _CLOSING:
                self._held.append(line)
                yield from self.close()
                return
            if line[:1].isspace() and self._size + len(line) <= LIMIT:
                self._keep(line)
                return
            yield from self.close()
        if _bare(line) in _OPENING:
            self._keep(line)
        else:
            yield line

    def close(self) -> Iterator[bytes]:
        """Yields the buffered lines."""
        if self._held:
            record = b"".join(self._held)
            self._held, self._size = [], 0
            yield record

    def _keep(self, line: bytes) -> None:
        self._held.append(line)
        self._size += len(line)


def may_continue(line: bytes) -> bool:
    """Whether the line would continue a document, were one open."""
    return line[:1].isspace() or _bare(line) in _CLOSING


def _bare(line: bytes) -> bytes:
    return line.rstrip(b" \t\r\n") if len(line) < _BARE else b""


def is_blank(span: LineSpan) -> bool:
    """Whether all lines of the span are empty. A file of empty lines is then passed on at once, not line by line."""
    data, start, end, _ = span
    return data[start] in BLANK and data[end - 1] in BLANK and not data[start:end].strip(BLANK)


def iter_lines(span: LineSpan) -> Iterator[bytes]:
    """Yields the lines of a span, each with its end. Only ``\\n`` ends a line."""
    data, start, end, _ = span
    while start < end:
        stop = data.find(b"\n", start, end) + 1 or end
        yield data[start:stop]
        start = stop
