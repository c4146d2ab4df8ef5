"""The parts of aider's chat history: each input of the user, answer of the model, and output of aider.

aider appends Markdown: ``# aider chat started at TIME``, the user's lines after ``#### ``, its own output after ``> ``,
and the model's text unchanged. The model's text may contain lines that look the same, so these rules separate them:

- aider ends its own lines with two spaces, and writes an empty line before the user's. If a session has no such line
endings (an editor removed them), the first line of its output shows this, and the prefix alone decides.
- Inside a code block of the model's, only lines that also follow an empty line are aider's. Such a line shows that the
  block was never
closed.

Most bytes are lines that look like none of these. A search skips them quickly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ctxstore.sources.jsonl.lines import LIMIT, LineSpan, LineSplitter

_NEXT = re.compile(rb"\n(?=[#>`~])(?=#### |> |####?[ \t]*\r?\n|>[ \t]*\r?\n|# aider chat started at |```|~~~)")
_SPECIAL = re.compile(rb"#### |> |####?[ \t]*\r?\n|>[ \t]*\r?\n|# aider chat started at |```|~~~")
_START = re.compile(rb"# aider chat started at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)[ \t]*\r?\n?\Z")
_FENCE = re.compile(rb"(`{3,}|~{3,})[ \t]*([^\r\n]*)")
_MODEL = re.compile(rb"\n> (?:Main m|M)odel: (\S+)")
_OTHER = re.compile(rb"\n(?!>)")
"""Before a line that is no output."""
_FAILED = re.compile(rb"> # \d+ SEARCH/REPLACE block")
"""A message of several lines, of which aider marks only the first."""
_ASKED = re.compile(rb"\(Y\)es/\(N\)o")
"""A question of aider's own, with its answer."""
_TEXT = re.compile(rb"\S")
_ANEW = re.compile(rb"# aider chat started at \d")
_ENDED = re.compile(rb"  \r?\n|\n(?=# aider chat started at \d)")

START, USER, ASSISTANT, OUTPUT, UNKNOWN = "start", "user", "assistant", "output", "unknown"


class Said(NamedTuple):
    """A part of the history that one speaker wrote.

    - `kind`: the speaker, or the start of a session.
    - `raw`: the bytes of the part.
    - `time`: the time at which its session started, or None if it is unknown.
    - `number`: the number of parts before this one in its session.
    - `model`: the model that the session uses, or None if it is unknown.
    """

    kind: str
    raw: bytes
    time: str | None
    number: int
    model: str | None


class History:
    """Splits the blocks of a history into parts. Keeps the last part until the next one begins."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._time: str | None = None
        self._number = 0
        self._lines = LineSplitter()
        self._held: list[bytes] = []
        self._size = 0
        self._kind = ""
        self._is_long = False  # of the piece held, a part is out already
        self._after_blank = True
        self._fence = b""
        self._is_open = False  # output that aider marks only at its start
        self._is_bare: bool | None = None  # lines don't end with two spaces

    def feed(self, block: bytes) -> Iterator[Said]:
        """Yields the parts that are complete after `block`."""
        for span in self._lines.feed(block):
            yield from self._take(span)

    def finish(self) -> Iterator[Said]:
        """Yields the remaining parts at the end of the file."""
        for span in self._lines.finish():
            yield from self._take(span)
        if self._held:
            yield self._release()

    def _take(self, span: LineSpan) -> Iterator[Said]:
        if not span.whole:
            if self._held:
                yield self._release()
            self._kind, self._fence, self._is_open, self._after_blank = UNKNOWN, b"", False, False
            yield self._release(span.data)
            return
        data, begin, end, _ = span
        for kind, at in self._cuts(span):
            if self._kind and (at > begin or self._held):  # else there were only empty lines yet: the first piece's
                yield self._release(data[begin:at])
                begin = at
            self._begin(kind, data, at)
        if begin < end:
            self._held.append(data[begin:end])
            self._size += end - begin
        if self._size > LIMIT:
            self._is_long = True
            yield self._release()

    def _begin(self, kind: str, data: bytes, at: int) -> None:
        self._is_long = False
        self._kind = kind
        if kind == START:
            match = _START.match(data[at : data.find(b"\n", at) + 1 or len(data)])
            time = match[1].decode() if match else None
            self._number = self._number if time == self._time else 0
            self._time, self._model, self._is_bare = time, None, None

    def _release(self, last: bytes = b"") -> Said:
        """Returns the buffered part with `last` appended, and empties the buffer."""
        raw = b"".join([*self._held, last]) if self._held else last
        kind = UNKNOWN if self._is_long or len(raw) > LIMIT else self._kind or UNKNOWN
        if kind in (OUTPUT, START):
            self._model = _model_in(raw) or self._model
        said = Said(kind, raw, self._time, self._number, self._model)
        self._held, self._size = [], 0
        self._number += 1
        return said

    def _cuts(self, span: LineSpan) -> Iterator[tuple[str, int]]:
        """Yields the kind and the start of each part that begins in `span`."""
        data, at, end, _ = span
        while at < end:
            if self._is_open and not _ANEW.match(data, at, end):
                ended = _ENDED.search(data, at, end)
                self._is_open, at = ended is None, ended.end() if ended else end
                continue
            self._is_open = False
            if _SPECIAL.match(data, at, end):
                stop = data.find(b"\n", at, end) + 1 or end
                kind = self._kind_of(data[at:stop])
                if kind and self._is_another(kind):
                    yield kind, at
                self._after_blank = False
                at = _end_of_run(data, stop, end) if kind == OUTPUT and not self._is_open else stop
                continue
            found = _NEXT.search(data, at, end)
            stop = found.start() + 1 if found else end
            yield from self._plain(data, at, stop)
            at = stop

    def _plain(self, data: bytes, at: int, stop: int) -> Iterator[tuple[str, int]]:
        """Yields the model's text as a part, if another part precedes it. Empty lines belong to the part before
        them."""
        text = _TEXT.search(data, at, stop)
        if text and self._kind != ASSISTANT:
            yield ASSISTANT, max(data.rfind(b"\n", at, text.start()) + 1, at)
            self._fence = b""
        last = max(data.rfind(b"\n", at, stop - 1) + 1, at)
        self._after_blank = not _TEXT.search(data, last, stop)

    def _is_another(self, kind: str) -> bool:
        """Whether a line of this kind begins a new part. A line of the user's does so after an empty line."""
        if kind == OUTPUT and self._kind == START:
            return False  # what aider says of itself when it starts
        return kind != self._kind or kind == START or (kind == USER and self._after_blank)

    def _kind_of(self, line: bytes) -> str:
        """Returns the kind of a line that looks like aider's."""
        if line.startswith(b"# "):
            kind = START if _START.match(line) and (self._after_blank or not self._fence) else ASSISTANT
        elif line[:1] in b"`~":
            self._turn_fence(line)
            return ASSISTANT
        else:
            kind = self._own(line) or ASSISTANT
        if kind != ASSISTANT:
            self._fence = b""
        return kind

    def _turn_fence(self, line: bytes) -> None:
        match = _FENCE.match(line)
        assert match is not None
        if self._kind != ASSISTANT or not self._fence:
            self._fence = match[1]
        elif match[1].startswith(self._fence) and not match[2].strip():
            self._fence = b""

    def _own(self, line: bytes) -> str:
        """Returns the kind of a line that aider wrote, or an empty string if the model wrote it."""
        is_ended = line.rstrip(b"\r\n").endswith(b"  ")
        if self._is_bare is None and self._kind == START:
            self._is_bare = not is_ended
        is_marked = is_ended or bool(self._is_bare)
        if self._fence and not (is_marked and self._after_blank):
            return ""
        if line.startswith(b"#"):
            return self._input(line) if is_marked and (self._after_blank or self._kind == USER) else ""
        if not is_ended and _FAILED.match(line):
            self._is_open = True
        elif not is_ended and not (self._is_bare and self._after_blank):
            is_answered = self._kind == ASSISTANT or (self._kind == USER and self._after_blank)
            return "" if is_answered else OUTPUT
        return OUTPUT

    @staticmethod
    def _input(line: bytes) -> str:
        return OUTPUT if _ASKED.search(line) else USER


def _end_of_run(data: bytes, start: int, end: int) -> int:
    """Returns the end of the sequence of adjacent lines at `start` that have the same kind: aider's output.

    Returns `start` if some lines end differently. Then each line has to be examined.
    """
    other = _OTHER.search(data, start - 1, end)
    stop = other.start() + 1 if other else end
    lines = data[start - 1 : stop]
    return stop if lines.count(b"\n> ") == lines.count(b"  \n", 1) == lines.count(b"\n", 1) else start


def _model_in(output: bytes) -> str | None:
    """Returns the last model that aider says it uses."""
    names = _MODEL.findall(b"\n" + output) if b"odel: " in output else None
    return names[-1].decode("utf-8", "replace") if names else None


def iter_said(blocks: Iterable[bytes]) -> Iterator[Said]:
    """Yields the parts of a whole history. Joined, their bytes are equal to `blocks`."""
    history = History()
    for block in blocks:
        yield from history.feed(bytes(block))
    yield from history.finish()
