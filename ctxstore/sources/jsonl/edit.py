"""Changes single values in JSON records and leaves every other byte as it was.

A transcript that is put back under another id or folder must stay the agent's own text: key order, spacing,
escapes, numbers and damage included. So nothing is written anew but the strings that change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Union

import msgspec

from ctxstore.sources.jsonl.damage import DAMAGE, split

Fields = Mapping[str, Union[Callable[[str], str], "Fields"]]
"""What to do with the members of an object that have these names, if they are strings, or objects in turn."""

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string = msgspec.json.Decoder(str)
_KEY = re.compile(rb'\s*"(?:[^"\\]|\\.)*"\s*:\s*', re.DOTALL)
_COMMA = re.compile(rb"\s*,")


def edit_line(line: bytes, fields: Fields, restart: str = "") -> bytes:
    """A line, or a document, with `fields` changed in each of the objects it holds. What is no object stays.

    `restart`: see `split`.
    """
    try:
        return _edit(line, fields)
    except DAMAGE:
        pieces = split(line, restart)
        return b"".join(_edit(piece, fields) if whole else piece for piece, whole in pieces) if pieces else line


def _edit(record: bytes, fields: Fields) -> bytes:
    """One object, white space around it allowed. Raises one of `DAMAGE`."""
    members = _members.decode(record)
    wanted = fields.keys() & members.keys()
    if not wanted:
        return record
    out: list[bytes] = []
    at = 0
    for name, start, end in _places(record, members):
        if name in wanted:
            out += [record[at:start], _changed(record[start:end], fields[name])]
            at = end
    return b"".join([*out, record[at:]])


def _changed(value: bytes, change: Callable[[str], str] | Fields) -> bytes:
    if isinstance(change, Mapping):
        return _edit(value, change) if value[:1] == b"{" else value
    if value[:1] != b'"':
        return value
    old = _string.decode(value)
    new = change(old)
    return value if new == old else json.dumps(new, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _places(record: bytes, members: Mapping[str, msgspec.Raw]) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of each member's value. Of an object that names a member twice, none."""
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
