"""Conversion of stored values to JSON values. The field names are an interface, documented in docs/cli.md."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from ctxstore.history.commits import Commit
from ctxstore.ids import ObjectId
from ctxstore.sources.protocol import Message, Part
from ctxstore.trees.entries import DirEntry, Entry, FileEntry, ListEntry, MapEntry, SymlinkEntry


class Object(NamedTuple):
    """A JSON object that is encoded field by field, without collecting all fields in memory."""

    fields: Iterable[tuple[str, Any]]


class Array(NamedTuple):
    """A JSON array that is encoded item by item, without collecting all items in memory. Each item starts a line."""

    items: Iterable[Any]


class Verbatim(NamedTuple):
    """Pieces of JSON text that are written unchanged."""

    pieces: Iterable[str]


def encode(value: Any) -> Iterator[str]:
    """Yields the JSON text of a value in pieces. The value may contain `Object`, `Array` and `Verbatim`."""
    if isinstance(value, Object):
        yield "{"
        for index, (key, field) in enumerate(value.fields):
            yield f"{',' if index else ''}{dump(key)}:"
            yield from encode(field)
        yield "}"
    elif isinstance(value, Array):
        yield "["
        for index, item in enumerate(value.items):
            yield ",\n" if index else "\n"
            yield from encode(item)
        yield "]"
    elif isinstance(value, Verbatim):
        yield from value.pieces
    else:
        yield dump(value)


def dump(value: Any) -> str:
    """Returns a value as JSON in ASCII. Lone surrogates in a str are preserved. Raises `ValueError` for NaN."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def is_json(value: Any) -> bool:
    """Whether a value can be encoded as JSON that every parser reads."""
    try:
        dump(value)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def iso_time(ns: int) -> str:
    """Formats UTC nanoseconds since 1970 as ISO 8601 with microseconds and ``Z``."""
    seconds, rest = divmod(ns, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 1000:06d}Z"


def commit_value(id: ObjectId, commit: Commit) -> dict[str, Any]:
    """Returns the JSON value of a commit."""
    return {
        "id": id.hex(),
        "ref": commit.ref,
        "tree": commit.tree.hex(),
        "parents": [parent.hex() for parent in commit.parents],
        "generation": commit.generation,
        "time": iso_time(commit.time),
        "time_ns": commit.time,
        "author": commit.author._asdict(),
        "note": commit.note,
        "kind": commit.kind,
        "source": commit.source,
        "root": commit.root,
        "label": commit.label,
        "shrunk": commit.shrunk,
        **commit.summary._asdict(),
    }


def entry_value(path: str, entry: Entry) -> dict[str, Any]:
    """Returns the JSON value of a tree entry, without its content."""
    if isinstance(entry, FileEntry):
        times = {"mtime": iso_time(entry.mtime_ns), "mtime_ns": entry.mtime_ns}
        return {"path": path, "kind": "file", "size": entry.size, "mode": f"{entry.mode:04o}", **times}
    if isinstance(entry, DirEntry):
        return {"path": path, "kind": "dir", "mode": f"{entry.mode:04o}", "mtime_ns": entry.mtime_ns}
    if isinstance(entry, SymlinkEntry):
        target = entry.target.decode("utf-8", "surrogateescape")
        return {"path": path, "kind": "symlink", "target": target, "mtime_ns": entry.mtime_ns}
    kind = {ListEntry: "list", MapEntry: "map"}[type(entry)]
    return {"path": path, "kind": kind, "count": entry.count}


def message_value(message: Message) -> dict[str, Any]:
    """Returns the JSON value of a message, without its raw bytes. Only inherited ones have the member `inherited`."""
    value = {
        "id": message.id,
        "role": message.role,
        "time": message.time,
        "parent": message.parent,
        "model": message.model,
        "parts": [part_value(part) for part in message.parts],
    }
    return {**value, "inherited": True} if message.is_inherited else value


def part_value(part: Part) -> dict[str, Any]:
    """Returns the JSON value of a part: its kind, and the fields that are not empty."""
    value: dict[str, Any] = {"kind": part.kind}
    if part.text or part.kind in ("text", "thinking", "tool_result"):
        value["text"] = part.text
    if part.name:
        value["name"] = part.name
    if part.call:
        value["call"] = part.call
    if part.data is not None and is_json(part.data):
        value["data"] = part.data
    if part.error:
        value["error"] = True
    return value


def raw_field(raw: bytes) -> tuple[str, Any]:
    """Returns the field for a message's raw bytes: ``raw`` if they are one JSON value, otherwise ``raw_base64``.

    ``raw`` is the original text, because decoding would lose duplicate keys and the spelling of numbers. Line breaks
    become spaces. In valid JSON they occur only between tokens, so the value stays the same.
    """
    try:
        text = raw.decode("utf-8").strip(" \t\r\n")
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "raw_base64", bytes_base64(raw)
    return "raw", Verbatim((text.replace("\r", " ").replace("\n", " "),))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")


def bytes_value(data: bytes) -> dict[str, str]:
    """Returns bytes as the field ``text`` if they are UTF-8, otherwise as ``base64``."""
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": bytes_base64(data)}


def bytes_base64(data: bytes) -> str:
    """Encodes bytes as base64 text."""
    from base64 import b64encode

    return b64encode(data).decode()


def content_field(read: Callable[[], Iterable[bytes]]) -> tuple[str, Verbatim]:
    """Returns the field for a file's content: ``text`` if it is UTF-8, otherwise ``base64``.

    Memory is bounded, so `read` is called twice: first to decide, then to encode.
    """
    if _is_utf8(read()):
        return "text", Verbatim(_text_pieces(read()))
    return "base64", Verbatim(_base64_pieces(read()))


def _is_utf8(blocks: Iterable[bytes]) -> bool:
    from codecs import getincrementaldecoder

    decoder = getincrementaldecoder("utf-8")()
    try:
        for block in blocks:
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _text_pieces(blocks: Iterable[bytes]) -> Iterator[str]:
    """Yields a JSON string of UTF-8 blocks, in pieces."""
    from codecs import getincrementaldecoder

    decoder = getincrementaldecoder("utf-8")()
    yield '"'
    for block in blocks:
        yield dump(decoder.decode(block))[1:-1]
    yield '"'


def _base64_pieces(blocks: Iterable[bytes]) -> Iterator[str]:
    """Yields a JSON string with the base64 of blocks, in pieces."""
    rest = b""
    yield '"'
    for block in blocks:
        data = rest + block
        stop = len(data) - len(data) % 3  # base64 encodes three bytes at a time
        yield bytes_base64(data[:stop])
        rest = data[stop:]
    yield bytes_base64(rest) + '"'
