"""The bytes of a session's file → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ctxstore.sources.gemini.content import parts_of
from ctxstore.sources.gemini.records import GeminiLine, line_of, places_of, read, update_of
from ctxstore.sources.gemini.thread import META, GeminiThread, ThreadVerdict
from ctxstore.sources.jsonl.messages import iter_padded
from ctxstore.sources.protocol import Message, Part

_HELD = 64
"""Records that may stand between a message and its change: others that change nothing of it."""


class _Piece(NamedTuple):
    """Bytes that are one message."""

    raw: bytes
    line: GeminiLine | None
    verdict: ThreadVerdict | None


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    thread = GeminiThread(is_whole=offset == 0)
    for piece in _settled(_pieces(blocks, thread)):
        message = _message(piece, offset)
        offset += len(message.raw)
        yield message


def _pieces(blocks: Iterable[bytes], thread: GeminiThread) -> Iterator[_Piece]:
    """Every record, and every message of a list that is met there first, in the order of the file."""
    for raw, line in iter_padded(blocks, read):
        verdicts = thread.judge_list(line) if line else []
        if line and any(verdict.is_new for verdict in verdicts):
            yield from _split(raw, line, verdicts)
        else:
            yield _Piece(raw, line, thread.decode_pieces(line) if line else None)


def _split(raw: bytes, line: GeminiLine, verdicts: list[ThreadVerdict]) -> Iterator[_Piece]:
    """A record with a list of messages: each new one begins where it stands, all else is `meta`."""
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
    """The pieces, where what changes a message at once speaks for it, and what it replaces is `meta`."""
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
        return Message(f"@{offset}", "unknown", (), None, None, raw, offset)
    return Message(
        verdict.id or f"@{offset}",
        verdict.role,
        _parts(line) if verdict is META else parts_of(line),
        _text(line.timestamp),
        verdict.parent,
        raw,
        offset,
        _text(line.model),
    )


def _parts(line: GeminiLine) -> tuple[Part, ...]:
    """What a record says that is no message: the session's summary."""
    update = update_of(line)
    summary = update.summary if update else None
    return (Part("text", summary),) if isinstance(summary, str) and summary else ()


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
