"""The edit of single values in JSON records, which leaves every other byte unchanged.

A transcript that is restored under another id or folder must stay the agent's own text: key order, spacing, escapes,
numbers and damage included. So nothing is rewritten but the strings that change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Union

import msgspec

from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS, decode_lenient_end, split
from ctxstore.sources.protocol import Message
from ctxstore.sources.resumable import FileEdit

Fields = Mapping[str, Union[Callable[[str], str], "Fields"]]
"""The change of each member by its name: of a string, of strings in a list, or of an object in turn."""

Parse = Callable[[Iterable[bytes]], Iterator[Message]]
"""A transcript's bytes → its messages."""

EditPlace = tuple[str, int, int]
"""A member's name, where its value starts, and where it ends."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value = msgspec.json.Decoder()
_KEY = re.compile(rb'\s*"(?:[^"\\]|\\.)*"\s*:\s*', re.DOTALL)
_COMMA = re.compile(rb"\s*,")


def edit_line(line: bytes, fields: Fields, restart: str = "") -> bytes:
    """Returns a line, or a document, with `fields` changed in each of the objects it holds. What is no object stays.

    `restart`: see `split`.
    """
    try:
        members = _members.decode(line)
        return _edit(line, _places(line, members), fields) if fields.keys() & members.keys() else line
    except DECODE_ERRORS:
        pieces = split(line, restart)
        return b"".join(_edit_damaged(piece, fields) if whole else piece for piece, whole in pieces) if pieces else line


def edit_messages(
    parse: Parse, fields: Fields, restart: str = "", *, until: str = "", only_meta: bool = False
) -> FileEdit:
    """Returns the edit of a transcript that `parse` divides into messages.

    - `fields`: the members to change in each message.
    - `only_meta`: only messages of role ``meta`` are changed.
    - `until`: the last message to keep.
    """

    def edit(blocks: Iterator[bytes]) -> Iterator[bytes]:
        for message in parse(blocks):
            is_kept = only_meta and message.role != "meta"
            yield message.raw if is_kept else edit_line(message.raw, fields, restart)
            if until and message.id == until:
                return

    return edit


def _edit_damaged(record: bytes, fields: Fields) -> bytes:
    """Changes an object that is not valid JSON, but that Python and some agents accept."""
    try:
        return _edit(record, _tolerant_places(record), fields)
    except DECODE_ERRORS:
        return record


def _edit(record: bytes, places: Iterable[EditPlace], fields: Fields) -> bytes:
    out: list[bytes] = []
    at = 0
    for name, start, end in places:
        if name in fields:
            out += [record[at:start], _changed(record[start:end], fields[name])]
            at = end
    return b"".join([*out, record[at:]])


def _changed(value: bytes, change: Callable[[str], str] | Fields) -> bytes:
    if isinstance(change, Mapping):
        return edit_line(value, change) if value[:1] == b"{" else value
    try:
        old = _value.decode(value) if value[:1] in (b'"', b"[") else None
    except DECODE_ERRORS:
        return value
    if isinstance(old, list):
        new: Any = [change(each) if isinstance(each, str) else each for each in old]
    elif isinstance(old, str):
        new = change(old)
    else:
        return value
    return value if new == old else json.dumps(new, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _places(record: bytes, members: Mapping[str, msgspec.Raw]) -> Iterator[EditPlace]:
    """Returns the positions of an object's members. Returns none if the object names a member twice."""
    found = []
    at = record.index(b"{") + 1
    for name, raw in members.items():
        key = _KEY.match(record, at)
        value = bytes(raw)
        if key is None or not record.startswith(value, key.end()):
            return iter(())
        at = key.end() + len(value)
        found.append((name, key.end(), at))
        comma = _COMMA.match(record, at)
        at = comma.end() if comma else at
    return iter(found) if record[at:].strip() == b"}" else iter(())


def _tolerant_places(record: bytes) -> Iterator[EditPlace]:
    """Returns the places as `_places` does, of an object that only `split` accepts. Raises one of `DECODE_ERRORS`."""
    found: dict[str, EditPlace] = {}
    text = record.decode("latin-1")
    at = record.index(b"{") + 1
    while key := _KEY.match(record, at):
        name = key[0].strip()[1:].partition(b'"')[0].decode("latin-1")
        end = decode_lenient_end(text, key.end())
        if name in found:
            return iter(())
        found[name] = (name, key.end(), end)
        comma = _COMMA.match(record, end)
        at = comma.end() if comma else end
    return iter(found.values())
