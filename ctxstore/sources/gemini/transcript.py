"""A session's file as messages, and its summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple

from ctxstore.sources.content import string_or_none, text_parts
from ctxstore.sources.gemini.content import decode, parts_of, plain_text
from ctxstore.sources.gemini.records import (
    GeminiElement,
    GeminiLine,
    elements_of,
    line_of,
    places_of,
    read,
    update_of,
)
from ctxstore.sources.gemini.thread import META, GeminiThread, ThreadVerdict
from ctxstore.sources.jsonl.messages import iter_padded
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Message, Part, unknown_message
from ctxstore.sources.summary import SessionSummary, one_line

_HELD = 64
"""The number of records from a message to a repetition that can replace it."""

_COUNTED = frozenset({"user", "assistant", "system", "tool"})
_PATHS = re.compile(r"(?:Directories:\*\*|director(?:y|ies):)((?:[ \t]*\n?[ \t]*-?[ \t]*/[^\n]*)+)")
"""The folders in the text at a session's start. The project's folder is the one with the session's hash."""


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Reads the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    thread = GeminiThread(is_whole=offset == 0)
    for piece in _settled(_pieces(blocks, thread)):
        message = _message(piece, offset)
        offset += len(message.raw)
        yield message


def make_scanner(before: Attributes | None = None) -> RecordScanner[GeminiLine]:
    """Returns a scanner of a session's file, or of the records that were added to it since `before`."""
    return RecordScanner(read, _GeminiSummary("Gemini CLI", before))


class _Piece(NamedTuple):
    """The bytes of one message."""

    raw: bytes
    line: GeminiLine | None
    verdict: ThreadVerdict | None


def _pieces(blocks: Iterable[bytes], thread: GeminiThread) -> Iterator[_Piece]:
    """Cuts a file into records, and lists of messages into their new members."""
    for raw, line in iter_padded(blocks, read):
        verdicts = thread.judge_list(line) if line else []
        if line and any(verdict.is_new for verdict in verdicts):
            yield from _split(raw, line, verdicts)
        else:
            yield _Piece(raw, line, thread.judge(line) if line else None)


def _split(raw: bytes, line: GeminiLine, verdicts: list[ThreadVerdict]) -> Iterator[_Piece]:
    """Cuts a record where the new members of its list begin. The rest is ``meta``."""
    update = update_of(line)
    places = places_of(raw, update.messages) if update else []
    start, current = 0, _Piece(raw, line, META)
    for (begin, end), verdict in zip(places, verdicts, strict=True):
        if not (verdict.is_new or current.verdict is not META):
            continue
        if begin > start:
            yield current._replace(raw=raw[start:begin])
        member = line_of(raw[begin:end]) if verdict.is_new else None
        start, current = begin, _Piece(raw, member or line, verdict if verdict.is_new else META)
    yield current._replace(raw=raw[start:])


def _settled(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    """Replaces a message by its near repetitions, and makes the replaced ones ``meta``."""
    held: list[_Piece] = []
    for piece in pieces:
        verdict = piece.verdict
        if held and verdict and verdict.id and not verdict.is_new and verdict.id == _id(held[0]):
            yield held[0]._replace(verdict=META)
            yield from held[1:]
            held = [piece]
        elif verdict is META and held and len(held) < _HELD:
            held.append(piece)
        else:
            yield from held
            held = [piece] if verdict and verdict.is_new else []
            if not held:
                yield piece if verdict is None or verdict.is_new else piece._replace(verdict=META)
    yield from held


def _id(piece: _Piece) -> str | None:
    return piece.verdict.id if piece.verdict else None


def _message(piece: _Piece, offset: int) -> Message:
    raw, line, verdict = piece
    if line is None or verdict is None:
        return unknown_message(raw, offset)
    return Message(
        verdict.id or f"@{offset}",
        verdict.role,
        _summary_parts(line) if verdict is META else parts_of(line),
        string_or_none(line.timestamp),
        verdict.parent,
        raw,
        offset,
        string_or_none(line.model),
    )


def _summary_parts(line: GeminiLine) -> tuple[Part, ...]:
    """Returns the session's summary, if the record contains it."""
    update = update_of(line)
    return text_parts(update.summary) if update else ()


class _GeminiSummary(SessionSummary):
    """The title is the session's summary, else the first text of the user. The model is the last one that answered.

    Added records may repeat any earlier message, so a resumed summary can't count messages.
    """

    def __init__(self, agent: str, before: Attributes | None) -> None:
        super().__init__(agent, before)
        self._thread = GeminiThread()
        self._hash = ""

    def add(self, record: GeminiLine) -> None:
        """Adds the next record."""
        update = update_of(record)
        if update and update.summary:
            self.own_title = one_line(update.summary) or self.own_title
        if isinstance(record.projectHash, str):
            self._hash = record.projectHash
        verdicts = self._thread.judge_list(record)
        if verdicts and update:
            for element, verdict in zip(elements_of(update.messages), verdicts, strict=True):
                self._add(element, verdict)
        else:
            verdict = self._thread.judge(record)
            self._add(record, verdict)
            if verdict.role == "assistant" and isinstance(record.model, str):
                self.model = record.model

    def _add(self, element: GeminiElement, verdict: ThreadVerdict) -> None:
        if verdict.role == "meta" and element.type == "user" and not self.project:
            self.project = self._find_project(plain_text(decode(element.said)))
        if not (verdict.id or verdict.is_new):
            return
        if self.is_resumed:
            self.messages = None
        elif verdict.is_new and verdict.role in _COUNTED:
            self.count_message()
        if verdict.role == "user" and not self.title:
            self.title = one_line(plain_text(decode(element.said)))

    def _find_project(self, text: str) -> str | None:
        for match in _PATHS.finditer(text):
            for line in match[1].split("\n"):
                path = line.strip().removeprefix("-").strip()
                if self._hash == sha256(path.encode("utf-8", "surrogatepass")).hexdigest():
                    return path
        return None
