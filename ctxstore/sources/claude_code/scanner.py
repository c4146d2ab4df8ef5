"""The summary of a Claude Code session.

The scanner runs beside reading, chunking and hashing. So it decodes many lines at once, and only the members that every
record is counted by. The few lines that decide an attribute are then decoded one by one.

That decoder accepts JSON objects wherever they begin and end. It counts as the parser does only if each line is exactly
one object, which three conditions ensure:

- Every line end is between ``}`` and ``{``. Then no object spans lines: JSON requires a comma there, and a string
  contains no line end.
- The first line also begins with ``{``. Then every line contains at least one object.
- There are as many objects as lines.

If one of these is not met, the lines are decoded one by one, as in the parser.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from ctxstore.sources.claude_code.records import META, ClaudeLine, RecordKind, decode_kinds, decode_pieces, role_of
from ctxstore.sources.content import parts_of
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient
from ctxstore.sources.jsonl.lines import LineSpan
from ctxstore.sources.jsonl.reader import value_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Part
from ctxstore.sources.summary import SessionSummary, first_line, one_line

_OPEN, _CLOSE = b"{}"
_REMEMBERED = 1 << 17
"""The number of records whose ids are kept, to decide whether a summary is about this session."""

_TITLES = {"agent-name": "agentName", "custom-title": "customTitle", "ai-title": "aiTitle"}
"""The types of records that give a title, the first one first, each with the member that has it."""

_SUMMARIES = 16
_PENDING = 16
"""The number of records, each read alone, that are added as one batch. Each may be as large as a line can be."""

_SYNTHETIC = "<synthetic>"
"""The model of answers that Claude Code wrote itself."""

NOT_WRITTEN = (
    "<local-command-",
    "<system-reminder>",
    "<task-notification>",
    "Stop hook feedback:",
    "[Request interrupted",
    "This session is being continued from a previous conversation",
)
"""The beginnings of texts that Claude Code wrote in the user's name."""

_NO_TITLE = (
    *NOT_WRITTEN,
    "<bash-",
    "<command-",
    "<ide_",
    "<user-memory-input>",
    "Caveat:",
)
"""The beginnings of texts that are no title."""


def make_scanner(before: Attributes | None = None) -> RecordScanner[ClaudeLine]:
    """Returns a scanner of a transcript, or of the lines that were added to it since `before`."""
    summary = _ClaudeSummary("Claude Code", before)
    return RecordScanner(decode_pieces, summary, summary.add_lines)


def is_not_written(parts: Sequence[Part]) -> bool:
    """Whether Claude Code, not the user, wrote a message with the role of the user."""
    return bool(parts) and all(part.kind == "text" and part.text.lstrip().startswith(NOT_WRITTEN) for part in parts)


class _Batch(NamedTuple):
    """Consecutive records: the members that every record is counted by, and a function that decodes the rest of one."""

    kinds: Sequence[RecordKind]
    types: list[Any]
    line: Callable[[int], ClaudeLine]

    def newest(self, type: str) -> Iterator[ClaudeLine]:
        """Returns the records of a type, the last one first."""
        return (self.line(i) for i in reversed(range(len(self.types))) if self.types[i] == type)


class _ClaudeSummary(SessionSummary):
    """The summary of a Claude Code session.

    - The title is the custom title. Without one, it is the newest summary of this session, and otherwise the user's
      first text.
    - The project is the first working folder.
    - The model is the last one that answered.
    """

    def __init__(self, agent: str, before: Attributes | None) -> None:
        super().__init__(agent, before)
        self._pending: list[ClaudeLine] = []
        self._summaries: deque[ClaudeLine] = deque(maxlen=_SUMMARIES)
        self._titles: dict[str, str] = {}
        self._ids: deque[Any] = deque(maxlen=_REMEMBERED)

    def add(self, record: ClaudeLine) -> None:
        """Adds the next record."""
        self._pending.append(record)
        if len(self._pending) == _PENDING:
            self._add_pending()

    def add_lines(self, span: LineSpan) -> bool:
        """Adds the next lines if each is exactly one object. Otherwise adds none and returns false."""
        batch = _decode(span)
        if batch is not None:
            self._add_pending()
            self._add(batch)
        return batch is not None

    def attributes(self) -> Attributes:
        """Returns the attributes of all records so far."""
        self._add_pending()
        found = super().attributes()
        return found if self.own_title else found._replace(title=self._newest_summary() or found.title)

    def _add_pending(self) -> None:
        lines, self._pending = self._pending, []
        self._add(_Batch(lines, [line.type for line in lines], lines.__getitem__))

    def _add(self, batch: _Batch) -> None:
        types = batch.types
        if self.messages is not None:
            self.messages += sum(role_of(kind) != META for kind in batch.kinds)
        self._ids.extend([kind.uuid for kind in batch.kinds])
        if "assistant" in types:
            self.model = next(filter(None, map(_model_of, batch.newest("assistant"))), self.model)
        if not self.project:
            paths = (batch.line(i).cwd for i in range(len(types)))
            self.project = next((path for path in paths if path and isinstance(path, str)), None)
        if not self.title:
            users = (batch.line(i) for i, type in enumerate(types) if type == "user")
            self.title = next(filter(None, map(_title_of, users)), None)
        if "summary" in types:
            self._summaries.extendleft(reversed(list(islice(batch.newest("summary"), _SUMMARIES))))
        for type, member in _TITLES.items():
            if type in types:
                titles = (one_line(getattr(line, member)) for line in batch.newest(type))
                self._titles[type] = next(filter(None, titles), self._titles.get(type, ""))
        self.own_title = next(filter(None, map(self._titles.get, _TITLES)), "")

    def _newest_summary(self) -> str | None:
        own = [each for each in self._summaries if isinstance(each.leafUuid, str) and each.leafUuid in self._ids]
        # After `before`, the ids of earlier records are unknown. Summaries of other sessions are only in the first
        # lines of a file, so the remaining ones are accepted too.
        others = list(self._summaries) if self.is_resumed else []
        return first_line(each.summary for each in own + others)


def _decode(span: LineSpan) -> _Batch | None:
    """Decodes all lines at once, or returns None if a line is not exactly one object."""
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

    return _Batch(kinds, [kind.type for kind in kinds], line)


def _title_of(record: ClaudeLine) -> str | None:
    """Returns the first text of a user's record that the user wrote, as a title."""
    if record.isMeta:
        return None
    message = value_of(record.message) or decode_lenient(bytes(record.message))
    content = message.get("content") if isinstance(message, dict) else message
    texts = (part.text.lstrip() for part in parts_of(content) if part.kind == "text")
    return first_line(text for text in texts if not text.startswith(_NO_TITLE))


def _model_of(record: ClaudeLine) -> str | None:
    """Returns the model that an assistant's record names, unless Claude Code wrote the record itself."""
    try:
        model = _models.decode(record.message).model
    except DECODE_ERRORS:
        return None
    return model if isinstance(model, str) and model != _SYNTHETIC else None


class _Model(msgspec.Struct):
    model: Any = None


_models = msgspec.json.Decoder(_Model)
