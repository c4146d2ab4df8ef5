"""Continue's records: the elements of a session's history, and the facts beside it, however damaged they are."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ctxstore.sources.document.members import DECODE_ERRORS, members, text_of
from ctxstore.sources.jsonl.reader import RecordReader

KEY = "history"
"""The member of a session that holds its messages."""

ID, FOLDER = "sessionId", "workspaceDirectory"
_FACTS = frozenset({ID, FOLDER, "title", "chatModelTitle"})
_FILE = "file://"


class ContinueRecord(msgspec.Struct, gc=False):
    """An element of the history. All may have any type: formats change."""

    message: Any = None
    contextItems: Any = None
    toolCallState: Any = None
    toolCallStates: Any = None
    reasoning: Any = None
    promptLogs: Any = None


read = RecordReader(ContinueRecord).decode
"""The record of an element; ``None`` if it is no JSON object."""


def facts_of(document: bytes) -> dict[str, str]:
    """Returns the texts that a session has beside its history."""
    found: dict[str, Any] = {}
    for member in members(text_of(document)):
        if member.key in _FACTS:
            try:
                found[member.key] = json.loads(document[member.start : member.end])
            except DECODE_ERRORS:
                continue
    return {name: value for name, value in found.items() if isinstance(value, str)}


def path_of(place: str) -> str:
    """Returns the path of the folder in which a session worked. Continue records a path, or the URI of an editor."""
    if not place.startswith(_FILE):
        return place
    from urllib.parse import unquote

    return unquote(place.removeprefix(_FILE))


def place_of(path: str, like: str) -> str:
    """Returns the path in the form of `like`: as a path, or as a URI."""
    if not like.startswith(_FILE):
        return path
    from urllib.parse import quote

    return _FILE + quote(path.encode("utf-8", "surrogatepass"))
