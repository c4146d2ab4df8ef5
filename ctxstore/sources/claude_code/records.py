"""Claude Code's records: the lines of a transcript, however damaged they are.

`decode_pieces` decides which messages a line contains, and `role_of` what they count as, for the parser and for the
scanner, so that both count the same.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ctxstore.sources.content import plain_text
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.reader import FullReader, RecordReader

RESTART = '{"parentUuid":'
"""The start of most records. An object inside a record never starts like this."""

COUNTED = ("user", "assistant", "system")
"""The types of records that are messages between a user, a model and tools."""


META = "meta"
ATTACHMENT = "attachment"

_QUEUED = "queued_command"
_NOTIFICATION = "task-notification"


class Attachment(msgspec.Struct):
    """The addition of an ``attachment`` record to the conversation. All members may have any type."""

    type: Any = None
    prompt: Any = None
    commandMode: Any = None
    isMeta: Any = None


class RecordKind(msgspec.Struct, gc=False):
    """The members of a record that decide how it is counted. All may have any type, because formats change."""

    type: Any = None
    uuid: Any = None
    isMeta: Any = None
    content: Any = None
    attachment: Attachment | str | list[Any] | int | float | bool | None = None


class _SummaryFields(RecordKind, gc=False):
    """The members that a summary needs, except the message. All may have any type."""

    cwd: Any = None
    summary: Any = None
    leafUuid: Any = None
    agentName: Any = None
    customTitle: Any = None
    aiTitle: Any = None


class ClaudeLine(_SummaryFields, gc=False):
    """A record, with the members that a summary needs. The message is most of the bytes, and is not decoded."""

    message: msgspec.Raw = msgspec.Raw(b"")


class Body(msgspec.Struct):
    """A record's message. All members may have any type."""

    content: Any = None
    model: Any = None


class ClaudeRecord(_SummaryFields, gc=True):
    """A record with all members that a `Message` needs.

    Its members include those of `ClaudeLine`, so a line that decodes as a `ClaudeRecord` also decodes as a
    `ClaudeLine`.
    """

    message: Body | str | list[Any] | int | float | bool | None = None
    parentUuid: Any = None
    logicalParentUuid: Any = None
    timestamp: Any = None
    subtype: Any = None
    isCompactSummary: Any = None


def role_of(record: RecordKind) -> str:
    """Returns the role that a record is counted by, one of `COUNTED` or ``meta``; a `Message` may distinguish more.

    Texts that Claude Code adds in the user's name are marked as meta. A system's record without text, such as the
    duration of a turn, is bookkeeping. A prompt that was typed while Claude worked is only in an attachment.
    """
    type = record.type
    if type == ATTACHMENT:
        return "user" if queued_prompt(record) else META
    if type not in COUNTED or record.isMeta is True:
        return META
    return type if type != "system" or (isinstance(record.content, str) and record.content.strip()) else META


def queued_prompt(record: RecordKind) -> str | list[Any] | None:
    """Returns the content of a prompt that was typed while Claude worked: a text, or a list of blocks."""
    queued = record.attachment
    if not isinstance(queued, Attachment) or queued.type != _QUEUED or queued.commandMode == _NOTIFICATION:
        return None
    prompt = queued.prompt
    text = plain_text(prompt).strip()
    is_empty = not text and (isinstance(prompt, str) or not prompt)
    is_meta = True in (record.isMeta, queued.isMeta) or text.startswith(f"<{_NOTIFICATION}>")
    return prompt if isinstance(prompt, (str, list)) and not is_empty and not is_meta else None


_kinds = msgspec.json.Decoder(RecordKind)
_lines = RecordReader(ClaudeLine, RESTART)

decode_kinds = _kinds.decode_lines
"""Decodes many JSON objects at once, several times as fast as each alone. It ignores line ends."""


def decode_pieces(raw: bytes) -> list[tuple[bytes, ClaudeLine | None]]:
    """Returns the parts of a line, each with the members that decide how it is counted. Joined, the parts are equal to
    `raw`.

    A line that decodes as a `RecordKind` is one part of that type, even if other members are damaged. `decode_kinds`
    counts it in the same way, because it does not decode the other members.
    """
    pieces = _lines.read(raw)
    if len(pieces) == 1 and pieces[0][1] is not None:
        return pieces
    try:
        kind = _kinds.decode(raw)
    except DECODE_ERRORS:
        return pieces
    return [(raw, ClaudeLine(kind.type, kind.uuid, kind.isMeta, kind.content, kind.attachment))]


class _ClaudeReader(FullReader[ClaudeRecord]):
    def decode(self, piece: bytes, line: ClaudeLine) -> ClaudeRecord:
        """Returns the record of a damaged piece, with the members of `line` that it was counted by."""
        record = super().decode(piece, line)
        record.isMeta, record.content, record.attachment = line.isMeta, line.content, line.attachment
        return record


read = _ClaudeReader(ClaudeRecord, decode_pieces).read
"""Reads as `decode_pieces`, with all that a message is made of."""
