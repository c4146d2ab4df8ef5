"""The bytes of a transcript → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.claude_code.content import is_tool_answer, parts_of
from ctxstore.sources.claude_code.lines import LIMIT, Documents, Lines, Span, iter_lines
from ctxstore.sources.claude_code.records import COUNTED, Record, read
from ctxstore.sources.protocol import Message, Part

_BLANK = b" \t\r\n"


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input.

    An empty line belongs to the message before it, at the start of a file to the one after it.
    """
    held: tuple[bytes, Record | None] | None = None
    blank: list[bytes] = []
    size = 0
    for raw, record in _pieces(blocks):
        if record is None and not raw.strip(_BLANK) and size <= LIMIT:
            blank.append(raw)
            size += len(raw)
            continue
        if held is not None:
            message = _message(held[0] + b"".join(blank), held[1], offset)
            offset += len(message.raw)
            yield message
            held = raw, record
        else:
            held = b"".join(blank) + raw, record
        blank, size = [], 0
    if held is not None or blank:
        raw, record = held or (b"", None)
        yield _message(raw + b"".join(blank), record, offset)


def _pieces(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, Record | None]]:
    lines, documents = Lines(), Documents()
    for block in blocks:
        for span in lines.feed(bytes(block)):
            yield from _pieces_of(span, documents)
    for span in lines.finish():
        yield from _pieces_of(span, documents)
    for record in documents.close():
        yield from read(record)


def _pieces_of(span: Span, documents: Documents) -> Iterator[tuple[bytes, Record | None]]:
    if not span.whole:
        for record in documents.close():
            yield from read(record)
        yield span.data[span.start : span.end], None
        return
    for line in iter_lines(span):
        for record in documents.add(line):
            yield from read(record)


def _message(raw: bytes, record: Record | None, offset: int) -> Message:
    if record is None or not isinstance(record.type, str):
        return Message(f"@{offset}", "unknown", (), None, None, raw, offset)
    body = record.message
    return Message(
        _text(record.uuid) or f"@{offset}",
        _role(record),
        _parts(record),
        _text(record.timestamp),
        _text(record.parentUuid) or _text(record.logicalParentUuid),
        raw,
        offset,
        _text(body.model) if body else None,
    )


def _role(record: Record) -> str:
    if record.type == "user" and record.message and is_tool_answer(record.message.content):
        return "tool"
    return str(record.type) if record.type in COUNTED else "meta"


def _parts(record: Record) -> tuple[Part, ...]:
    if record.message:
        return parts_of(record.message.content)
    for text in (record.content, record.summary, record.customTitle, record.subtype):
        if isinstance(text, str) and text:
            return (Part("text", text),)
    return parts_of(record.content)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
