"""Cursor's records: a pair of the editor's database, or a line of the command line's transcripts."""

from __future__ import annotations

import os
from base64 import b64decode
from typing import Any

import msgspec

from ctxstore.sources.content import kind_of, objects
from ctxstore.sources.cursor.workspaces import path_of
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.jsonl.reader import RecordReader

COUNTED = ("user", "assistant", "system", "tool")
RESULTS = ("tool_result", "tool-result")
_TYPES = {1: "user", 2: "assistant"}
_BUBBLE = "bubbleId:"
_COMPOSER = "composerData:"


class Pair(msgspec.Struct, gc=False):
    """A row. All may have any type: formats change."""

    key: Any = None
    value: Any = None
    folder: Any = None


class CursorRecord(msgspec.Struct, gc=False):
    """A line, and its bytes `raw`."""

    table: Any = None
    row: Pair | None = None
    role: Any = None
    message: Any = None
    content: Any = None
    raw: Any = None

    @property
    def body(self) -> Any:
        """The content of a transcript's line."""
        return self.message.get("content") if isinstance(self.message, dict) else self.content

    @property
    def key(self) -> str:
        """The key of a pair; else empty."""
        return self.row.key if self.row and isinstance(self.row.key, str) else ""

    @property
    def value(self) -> bytes | str:
        """The value of a pair, as text."""
        value = self.row.value if self.row else None
        if isinstance(value, dict) and isinstance(value.get("blob"), str):
            try:
                return b64decode(value["blob"])
            except ValueError:
                return b""
        return value if isinstance(value, str) else b""

    @property
    def is_conversation(self) -> bool:
        """Whether it is the conversation's own value."""
        return self.key.startswith(_COMPOSER)

    @property
    def bubble(self) -> str:
        """The id of a bubble; empty for anything else."""
        return self.key.rpartition(":")[2] if self.key.startswith(_BUBBLE) else ""

    @property
    def workspace(self) -> Any:
        """The URI of the folder, of the line about the workspace."""
        return self.row.folder if self.row and self.table == "workspace" else None


class _Type(msgspec.Struct, gc=False):
    type: Any = None


_type = msgspec.json.Decoder(_Type)


def role_of(record: CursorRecord) -> str:
    """Returns the role of a line; ``meta`` if it is no message's."""
    if record.row is None:
        role = record.role if record.role in COUNTED else "meta"
        return "tool" if role == "user" and is_answer(record.body) else role
    if not record.bubble:
        return "meta"
    try:
        kind = _type.decode(record.value).type
    except DECODE_ERRORS:
        return "unknown"
    return _TYPES.get(kind, "meta") if type(kind) is int else "meta"


def is_answer(content: Any) -> bool:
    """Whether a content consists of tools' results."""
    return isinstance(content, list) and bool(content) and all(kind_of(block) in RESULTS for block in content)


def folder_in(value: bytes | str) -> str | None:
    """Returns the folder worked in that a bubble names."""
    try:
        bubble = _places.decode(value)
    except DECODE_ERRORS:
        return None
    uris = bubble.workspaceUris if isinstance(bubble.workspaceUris, list) else []
    places = (place for place in (bubble.workspaceProjectDir, *uris) if isinstance(place, str) and place)
    return next(filter(None, (place if os.path.isabs(place) else path_of(place) for place in places)), None)


class _Places(msgspec.Struct, gc=False):
    workspaceProjectDir: Any = None
    workspaceUris: Any = None


_places = msgspec.json.Decoder(_Places)


def _accept(record: CursorRecord, raw: bytes) -> CursorRecord | None:
    record.raw = raw
    return record if record.row or isinstance(record.role, str) else None


read = RecordReader(CursorRecord, accept=_accept).read
"""The pieces of a line, each with its record."""


class Composer(msgspec.Struct):
    """A conversation's own value."""

    name: Any = None
    fullConversationHeadersOnly: Any = None


_composer = msgspec.json.Decoder(Composer)


def composer_of(value: Any) -> Composer:
    """Returns the composer of a value, whatever its type."""
    try:
        return _composer.decode(value) if isinstance(value, (str, bytes)) else Composer()
    except DECODE_ERRORS:
        return Composer()


def bubbles_of(value: Any) -> list[str]:
    """Returns the ids of a conversation's bubbles in their order, from its own value."""
    headers = composer_of(value).fullConversationHeadersOnly
    return [header["bubbleId"] for header in objects(headers) if isinstance(header.get("bubbleId"), str)]
