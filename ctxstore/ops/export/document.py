"""A whole commit as JSON: nothing is left out, nothing is held in memory that need not be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ctxstore.ops.content.conversation import iter_messages, source_of
from ctxstore.ops.content.view import View
from ctxstore.ops.export.values import (
    Array,
    Object,
    bytes_value,
    commit_value,
    content_field,
    encode,
    entry_value,
    is_json,
    iso_time,
    message_value,
    raw_field,
)
from ctxstore.sources.protocol import Message
from ctxstore.trees.entries import Entry, FileEntry

FORMAT = "ctxstore-export"
VERSION = 1


def iter_json(view: View) -> Iterator[str]:
    """One JSON object."""
    fields = [
        *_header(view),
        ("files", Array(_files(view))),
        ("messages", Array(_messages(view))),
        ("memories", Object(_memories(view))),
    ]
    yield from encode(Object(fields))
    yield "\n"


def iter_json_lines(view: View) -> Iterator[str]:
    """One JSON object a line: a header, then messages, memories and files; ``type`` tells them apart."""
    yield from _line("header", _header(view))
    for message in _messages(view):
        yield from _line("message", message.fields)
    for key, value in _memories(view):
        yield from _line("memory", [("key", key), ("value", value)])
    for file in _files(view):
        yield from _line("file", file.fields)


def _line(kind: str, fields: Any) -> Iterator[str]:
    yield from encode(Object([("type", kind), *fields]))
    yield "\n"


def _header(view: View) -> list[tuple[str, Any]]:
    return [
        ("format", FORMAT),
        ("version", VERSION),
        ("timestamp", iso_time(view.commit.time)),
        ("model", view.commit.summary.model),
        ("commit", commit_value(view.id, view.commit)),
    ]


def _messages(view: View) -> Iterator[Object]:
    for message in iter_messages(view):
        yield Object(_message_fields(message))


def _message_fields(message: Message) -> list[tuple[str, Any]]:
    return [*message_value(message).items(), raw_field(message.raw)]


def _files(view: View) -> Iterator[Object]:
    for path, entry in view.files.entries():
        yield Object(file_fields(view, path, entry))


def file_fields(view: View, path: str, entry: Entry) -> list[tuple[str, Any]]:
    """A file with its content."""
    fields: list[tuple[str, Any]] = list(entry_value(path, entry).items())
    if isinstance(entry, FileEntry):
        fields.append(content_field(lambda: view.iter_bytes(path)))
    return fields


def _memories(view: View) -> Iterator[tuple[str, Any]]:
    """A program's memories by key; an agent's, which are files, by path."""
    for key, value in view.memories.items():
        if is_json(value):
            yield key, value
        else:
            yield key, {"python": repr(value)}  # NaN and infinities, which JSON has no word for
    source = source_of(view)
    for path, entry in view.files.entries() if source else ():
        if source and isinstance(entry, FileEntry) and source.is_memory(path):
            found = bytes_value(view.read(path))
            yield path, found.get("text", found)
