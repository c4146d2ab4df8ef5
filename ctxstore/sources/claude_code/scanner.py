"""Sums a transcript up while its bytes pass by on their way into the store.

This runs beside reading, cutting and hashing, so it takes many lines in one decoding. That decoder takes JSON
objects wherever they begin and end, so it counts as the parser does only if each line holds exactly one:

- if every line's end stands between ``}`` and ``{``, no object spans lines: JSON wants a comma there, and in
  a string a line's end is not allowed;
- then every line holds at least one object, and as many objects as lines make it exactly one.

Where this does not hold, the lines are judged one by one, just as the parser does it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ctxstore.sources.claude_code.damage import DAMAGE
from ctxstore.sources.claude_code.lines import Documents, Lines, Span, iter_lines, may_continue
from ctxstore.sources.claude_code.records import COUNTED, Line, decode_lines, judge
from ctxstore.sources.claude_code.title import one_line, title_of
from ctxstore.sources.protocol import Attributes

_OPEN, _CLOSE = b"{}"
_REMEMBERED = 1 << 17
"""How many records' ids are kept to tell whether a summary is this session's own."""
_SUMMARIES = 16
_SYNTHETIC = "<synthetic>"


class TranscriptScanner:
    """The attributes of a Claude Code session. Its count is that of the parser's messages, on any bytes.

    After `before` it sees the rest of a transcript only. If that may begin inside a pretty-printed document,
    the messages can't be counted: what precedes decides whether its first line is a record.
    """

    def __init__(self, before: Attributes | None = None) -> None:
        self._before = before or Attributes(messages=0)
        self._resumed = before is not None
        self._anew: bool | None = None if before else True
        self._lines = Lines()
        self._documents = Documents()
        self._messages = 0
        self._model: str | None = None
        self._project: str | None = None
        self._custom_title = ""
        self._prompt = ""
        self._summaries: deque[Line] = deque(maxlen=_SUMMARIES)
        self._ids: deque[Any] = deque(maxlen=_REMEMBERED)

    def feed(self, block: bytes) -> None:
        """The next bytes. Blocks break anywhere."""
        for span in self._lines.feed(block):
            self._span(span)

    def finish(self) -> Attributes:
        """The attributes, once the file ended."""
        for span in self._lines.finish():
            self._span(span)
        self._records(_judge_all(self._documents.close()))
        before, messages = self._before, None
        if before.messages is not None and self._anew is not False:
            messages = before.messages + self._messages
        title = self._custom_title or self._summary() or before.title or self._prompt or None
        return Attributes(
            title, "Claude Code", self._model or before.model, before.project or self._project, messages
        )

    def _span(self, span: Span) -> None:
        if self._anew is None:
            self._anew = _begins_anew(span)
        records = None
        if span.whole and not self._documents.is_open:
            records = _decode(span)
        if records is None:
            records = self._one_by_one(span)
        self._records(records)

    def _one_by_one(self, span: Span) -> list[Line]:
        if not span.whole:
            return _judge_all(self._documents.close())
        return [
            line
            for raw in iter_lines(span)
            for record in self._documents.add(raw)
            for line in _judge_all((record,))
        ]

    def _records(self, records: Sequence[Line]) -> None:
        types = [record.type for record in records]
        self._messages += sum(map(types.count, COUNTED))
        self._ids.extend([record.uuid for record in records])
        if "assistant" in types:
            self._model = next(filter(None, map(_model, reversed(records))), self._model)
        if self._project is None:
            self._project = next((r.cwd for r in records if r.cwd and isinstance(r.cwd, str)), None)
        if not self._prompt:
            self._prompt = next(filter(None, map(title_of, records)), "")
        if "summary" in types:
            self._summaries.extend(record for record in records if record.type == "summary")
        if "custom-title" in types:
            titles = (one_line(r.customTitle) for r in reversed(records) if r.type == "custom-title")
            self._custom_title = next(filter(None, titles), self._custom_title)

    def _summary(self) -> str:
        newest = list(reversed(self._summaries))
        own = [s for s in newest if isinstance(s.leafUuid, str) and s.leafUuid in self._ids]
        # A record that precedes is not known here. Those of other sessions stand in a file's first lines.
        others = newest if self._resumed else []
        return next(filter(None, (one_line(summary.summary) for summary in own + others)), "")


def _begins_anew(span: Span) -> bool | None:
    """Whether the first line that isn't empty can't be a document's; ``None`` if there is none."""
    if not span.whole:
        return True
    first = next((line for line in iter_lines(span) if line.strip()), None)
    return None if first is None else not may_continue(first)


def _decode(span: Span) -> list[Line] | None:
    """All lines at once; ``None`` unless each is exactly one object."""
    data, start, end, _ = span
    find, count, at = data.find, 1, data.find(b"\n", start, end)
    while 0 <= at < end - 1:
        if data[at - 1] != _CLOSE or data[at + 1] != _OPEN:
            return None
        count += 1
        at = find(b"\n", at + 1, end)
    try:
        records = decode_lines(memoryview(data)[start:end])
    except DAMAGE:
        return None
    return records if len(records) == count else None


def _judge_all(records: Iterable[bytes]) -> list[Line]:
    return [line for record in records for _, line in judge(record) if line is not None]


def _model(record: Line) -> str | None:
    """The model an assistant's record names, unless the agent wrote it itself."""
    if record.type != "assistant":
        return None
    try:
        model = _body.decode(record.message).model
    except DAMAGE:
        return None
    return model if isinstance(model, str) and model != _SYNTHETIC else None


class _Model(msgspec.Struct):
    model: Any = None


_body = msgspec.json.Decoder(_Model)
