"""Claude Code's records: the lines of a transcript, however damaged they are.

`decode_pieces` decides which messages a line contains, for the parser and for the scanner, so that both count the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.reader import FullReader, RecordReader

RESTART = '{"parentUuid":'
"""The start of most records. An object inside a record never starts like this."""

COUNTED = ("user", "assistant", "system")
"""The types of records that are messages between a user, a model and tools."""


class RecordKind(msgspec.Struct, gc=False):
    """A record, with the members that every record is counted by. All may have any type: formats change."""

    type: Any = None
    uuid: Any = None


class _SummaryFields(RecordKind, gc=False):
    """The members that a summary needs, except the message. All may have any type."""

    cwd: Any = None
    isMeta: Any = None
    summary: Any = None
    leafUuid: Any = None
    customTitle: Any = None


class ClaudeLine(_SummaryFields, gc=False):
    """A record, with the members that a summary needs. The message is most of the bytes, and is not decoded."""

    message: msgspec.Raw = msgspec.Raw(b"")


class Body(msgspec.Struct):
    """A record's message. All members may have any type."""

    content: Any = None
    model: Any = None


class ClaudeRecord(_SummaryFields, gc=True):
    """A record with all that a `Message` is made of.

    Its members include those of `ClaudeLine`, so a line that decodes as this one also decodes as that.
    """

    message: Body | str | list[Any] | int | float | bool | None = None
    parentUuid: Any = None
    logicalParentUuid: Any = None
    timestamp: Any = None
    content: Any = None
    subtype: Any = None


_kinds = msgspec.json.Decoder(RecordKind)
_lines = RecordReader(ClaudeLine, RESTART)

decode_kinds = _kinds.decode_lines
"""Decodes many JSON objects at once, several times as fast as each alone. It ignores line ends."""


def decode_pieces(raw: bytes) -> list[tuple[bytes, ClaudeLine | None]]:
    """Returns the pieces of a line, each with what it takes to count it. Joined, the pieces are `raw`.

    A line that decodes as a `RecordKind` is one piece of that type, even if other members are damaged. `decode_kinds`
    counts it like this too, because it does not decode them.
    """
    pieces = _lines.read(raw)
    if len(pieces) == 1 and pieces[0][1] is not None:
        return pieces
    try:
        kind = _kinds.decode(raw)
    except DECODE_ERRORS:
        return pieces
    return [(raw, ClaudeLine(kind.type, kind.uuid))]


read = FullReader(ClaudeRecord, decode_pieces).read
"""Reads as `decode_pieces`, with all that a message is made of."""
