"""aider's chat history as messages, and its summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ctxstore.sources.aider.history import ASSISTANT, OUTPUT, START, UNKNOWN, USER, History, Said, iter_said
from ctxstore.sources.protocol import Attributes, Message, Part
from ctxstore.sources.summary import SessionSummary, one_line

ROLES = {USER: "user", ASSISTANT: "assistant", OUTPUT: "meta", START: "meta", UNKNOWN: "unknown"}


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Joined, their `raw` is equal to the
    input.

    An id is made of the time of the session and the message's number in that session. So it stays the same when earlier
    sessions are removed.
    """
    parent: str | None = None
    time: str | None = None
    name = ""
    is_part = offset > 0
    for said in iter_said(blocks):
        if said.time != time:
            parent, time = None, said.time
            name = "".join(filter(str.isdigit, time or ""))
        id = f"@{offset}" if is_part and not name else f"{name}.{said.number}"
        model = said.model if said.kind == ASSISTANT else None
        yield Message(id, ROLES[said.kind], _parts(said), said.time, parent, said.raw, offset, model)
        offset += len(said.raw)
        parent = id


def text_of(said: Said) -> str:
    """Returns a piece's text without aider's marks."""
    raw = said.raw.replace(b"\r\n", b"\n") if b"\r" in said.raw else said.raw
    if said.kind != ASSISTANT:
        mark = b"#### " if said.kind == USER else b"> "
        raw = (b"\n" + raw).replace(b"\n" + mark, b"\n").replace(b"  \n", b"\n")
    return raw.decode("utf-8", "replace").strip()


def _parts(said: Said) -> tuple[Part, ...]:
    text = text_of(said) if said.kind != UNKNOWN else ""
    return (Part("text", text),) if text else ()


_ANEW = re.compile(rb"\r?\n\s*# aider chat started at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_MAX_BLANK = 4096


class HistoryScanner:
    """Computes the attributes of a project's chats.

    With `before`, the scanner reads only the appended bytes. If they do not begin with a new session, the meaning of
    their first lines depends on earlier text. Then the messages cannot be counted.
    """

    def __init__(self, before: Attributes | None = None) -> None:
        self._history = History()
        self._summary = SessionSummary("aider", before)
        self._first: bytes | None = b"" if before else None

    def feed(self, block: bytes) -> None:
        """Reads the next bytes. Blocks break anywhere."""
        if self._first is not None:
            self._check_start(self._first + block[:_MAX_BLANK])
        for said in self._history.feed(block):
            self._add(said)

    def finish(self) -> Attributes:
        """Returns the attributes, once the file ended."""
        for said in self._history.finish():
            self._add(said)
        if self._first:
            self._summary.messages = None
        return self._summary.attributes()

    def _check_start(self, first: bytes) -> None:
        """Checks that the appended bytes begin with a new session. Otherwise the messages cannot be counted."""
        self._first = first[:_MAX_BLANK]
        if _ANEW.match(first):
            self._first = None
        elif len(first) >= _MAX_BLANK:
            self._first = self._summary.messages = None

    def _add(self, said: Said) -> None:
        self._summary.model = said.model or self._summary.model
        if said.kind in (USER, ASSISTANT):
            self._summary.count_message()
        if said.kind == USER and not self._summary.title:
            self._summary.title = _title(text_of(said))


make_scanner = HistoryScanner


def _title(text: str) -> str | None:
    """Returns the text on one line, or None for one of aider's commands."""
    line = one_line(text)
    return None if not line or line.startswith("/") or line == "<blank>" else line
