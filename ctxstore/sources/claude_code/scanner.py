"""Sums a transcript up while its bytes pass by on their way into the store.

This runs beside reading, cutting and hashing, so it takes many lines in one decoding, and of each only what is
needed of all; the rest is read of the few lines that decide. That decoder takes JSON objects wherever they
begin and end, so it counts as the parser does only if each line holds exactly one:

- if every line's end stands between ``}`` and ``{``, no object spans lines: JSON wants a comma there, and in
  a string a line's end is not allowed;
- if the first line begins with ``{`` too, every line holds at least one object, and as many objects as lines
  make it exactly one.

Where this does not hold, the lines are judged one by one, just as the parser does it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ctxstore.sources.claude_code.records import COUNTED, ClaudeLine, decode_kinds, decode_pieces
from ctxstore.sources.claude_code.title import title_of
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.lines import Documents, LineSpan, LineSplitter, iter_lines
from ctxstore.sources.jsonl.scanner import begins_anew
from ctxstore.sources.protocol import Attributes
from ctxstore.sources.summary import one_line

_OPEN, _CLOSE = b"{}"
_REMEMBERED = 1 << 17
"""How many records' ids are kept to tell whether a summary is this session's own."""
_SUMMARIES = 16
_SYNTHETIC = "<synthetic>"


class _Batch(NamedTuple):
    """Records in their order: what is needed of all, and a way to read the rest of one."""

    types: list[Any]
    ids: list[Any]
    line: Callable[[int], ClaudeLine]

    def newest(self, type: str) -> Iterator[ClaudeLine]:
        """The records of a type, the last one first."""
        return (self.line(i) for i in reversed(range(len(self.types))) if self.types[i] == type)


class TranscriptScanner:
    """The attributes of a Claude Code session. Its count is that of the parser's messages, on any bytes.

    After `before` it sees the rest of a transcript only. If that may begin inside a pretty-printed document,
    the messages can't be counted: what precedes decides whether its first line is a record.
    """

    def __init__(self, before: Attributes | None = None) -> None:
        self._resumed = before is not None
        self._anew: bool | None = None if self._resumed else True
        self._lines = LineSplitter()
        self._documents = Documents()
        known = before or Attributes(messages=0)
        self._messages = known.messages
        self._model = known.model
        self._project = known.project
        self._title = known.title
        self._custom_title = ""
        self._summaries: deque[ClaudeLine] = deque(maxlen=_SUMMARIES)
        self._ids: deque[Any] = deque(maxlen=_REMEMBERED)

    def feed(self, block: bytes) -> None:
        """The next bytes. Blocks break anywhere."""
        for span in self._lines.feed(block):
            self._span(span)

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        for span in self._lines.finish():
            self._span(span)
        if self._documents.is_open:
            self._take(_judged(self._documents.close()))
        title = self._custom_title or self._summary() or self._title or None
        messages = None if self._anew is False else self._messages
        return Attributes(title, "Claude Code", self._model, self._project, messages)

    def _span(self, span: LineSpan) -> None:
        if self._anew is None:
            self._anew = begins_anew(span)
        batch = _decode(span) if span.whole and not self._documents.is_open else None
        self._take(batch or _judged(self._one_by_one(span)))

    def _one_by_one(self, span: LineSpan) -> Iterator[bytes]:
        if not span.whole:
            yield from self._documents.close()
            return
        for line in iter_lines(span):
            yield from self._documents.add(line)

    def _take(self, batch: _Batch) -> None:
        types = batch.types
        if self._messages is not None:
            self._messages += sum(map(types.count, COUNTED))
        self._ids.extend(batch.ids)
        if "assistant" in types:
            self._model = next(filter(None, map(_model, batch.newest("assistant"))), self._model)
        if not self._project:
            paths = (batch.line(i).cwd for i in range(len(types)))
            self._project = next((path for path in paths if path and isinstance(path, str)), None)
        if not self._title:
            users = (batch.line(i) for i, type in enumerate(types) if type == "user")
            self._title = next(filter(None, map(title_of, users)), None)
        if "summary" in types:
            self._summaries.extendleft(reversed(list(islice(batch.newest("summary"), _SUMMARIES))))
        if "custom-title" in types:
            titles = (one_line(line.customTitle) for line in batch.newest("custom-title"))
            self._custom_title = next(filter(None, titles), self._custom_title)

    def _summary(self) -> str:
        own = [s for s in self._summaries if isinstance(s.leafUuid, str) and s.leafUuid in self._ids]
        # A record that precedes is not known here. Those of other sessions stand in a file's first lines.
        others = list(self._summaries) if self._resumed else []
        return next(filter(None, (one_line(summary.summary) for summary in own + others)), "")


def _decode(span: LineSpan) -> _Batch | None:
    """All lines at once; ``None`` unless each is exactly one object."""
    data, start, end, _ = span
    if data[start] != _OPEN:
        return None
    find, at = data.find, data.find(b"\n", start, end)
    starts = [start]
    while 0 <= at < end - 1:
        if data[at - 1] != _CLOSE or data[at + 1] != _OPEN:
            return None
        starts.append(at + 1)
        at = find(b"\n", at + 1, end)
    try:
        kinds = decode_kinds(memoryview(data)[start:end])
    except DECODE_ERRORS:
        return None
    if len(kinds) != len(starts):
        return None
    starts.append(end)

    def line(i: int) -> ClaudeLine:
        return decode_pieces(data[starts[i] : starts[i + 1]])[0][1] or ClaudeLine()

    return _Batch([kind.type for kind in kinds], [kind.uuid for kind in kinds], line)


def _judged(records: Iterable[bytes]) -> _Batch:
    lines = [line for record in records for _, line in decode_pieces(record) if line is not None]
    return _Batch([line.type for line in lines], [line.uuid for line in lines], lines.__getitem__)


def _model(record: ClaudeLine) -> str | None:
    """The model an assistant's record names, unless the agent wrote the record itself."""
    try:
        model = _body.decode(record.message).model
    except DECODE_ERRORS:
        return None
    return model if isinstance(model, str) and model != _SYNTHETIC else None


class _Model(msgspec.Struct):
    model: Any = None


_body = msgspec.json.Decoder(_Model)
