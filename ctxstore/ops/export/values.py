"""Stored values as JSON values. The names are an interface: docs/cli.md describes them, and they stay."""

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
    """A JSON object that is written as its fields come."""

    fields: Iterable[tuple[str, Any]]


class Array(NamedTuple):
    """A JSON array that is written as its items come, each on a line of its own."""

    items: Iterable[Any]


class Verbatim(NamedTuple):
    """JSON text that is written as it is, in pieces."""

    pieces: Iterable[str]


def encode(value: Any) -> Iterator[str]:
    """JSON text of a value that may hold `Object`, `Array` and `Verbatim`, in pieces."""
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
    """JSON in ASCII, which every str survives, lone surrogates too. Raises `ValueError` for NaN."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def is_json(value: Any) -> bool:
    """Whether a value can be written as JSON that every parser reads."""
    try:
        dump(value)
    except (ValueError, TypeError, RecursionError):
        return False
    return True


def iso_time(ns: int) -> str:
    """UTC nanoseconds as ISO 8601 with microseconds and ``Z``."""
    seconds, rest = divmod(ns, 10**9)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 1000:06d}Z"


def commit_value(id: ObjectId, commit: Commit) -> dict[str, Any]:
    """A commit."""
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
    """A file, folder or link, without its content."""
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
    """A message as a person reads it; its raw form apart."""
    return {
        "id": message.id,
        "role": message.role,
        "time": message.time,
        "parent": message.parent,
        "model": message.model,
        "parts": [part_value(part) for part in message.parts],
    }


def part_value(part: Part) -> dict[str, Any]:
    """A part: its kind, and those fields that say something."""
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
    """A message's own form: ``raw`` if it is one JSON value, written as found; else ``raw_base64``.

    As found, because decoding would lose duplicate keys and the spelling of numbers. Line breaks in valid
    JSON are only between tokens, so spaces in their place change nothing.
    """
    try:
        text = raw.decode("utf-8").strip(" \t\r\n")
        json.loads(text, parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "raw_base64", bytes_base64(raw)
    return "raw", Verbatim((text.replace("\r", " ").replace("\n", " "),))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def bytes_value(data: bytes) -> dict[str, str]:
    """Bytes as ``text`` if they are UTF-8, else as ``base64``."""
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": bytes_base64(data)}


def bytes_base64(data: bytes) -> str:
    """Bytes as base64 text."""
    from base64 import b64encode

    return b64encode(data).decode()


def content_field(read: Callable[[], Iterable[bytes]]) -> tuple[str, Verbatim]:
    """A file's content, ``text`` or ``base64``, in bounded memory: so it is read twice, first to decide."""
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
    from codecs import getincrementaldecoder

    decoder = getincrementaldecoder("utf-8")()
    yield '"'
    for block in blocks:
        yield dump(decoder.decode(block))[1:-1]
    yield '"'


def _base64_pieces(blocks: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    yield '"'
    for block in blocks:
        data = rest + block
        whole = len(data) - len(data) % 3  # base64 takes three bytes at a time
        yield bytes_base64(data[:whole])
        rest = data[whole:]
    yield bytes_base64(rest) + '"'
