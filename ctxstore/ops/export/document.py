"""The export of a whole commit as JSON.

Nothing is left out. Messages and files are streamed, not collected in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ctxstore.ops.content.conversation import iter_messages, iter_subagents, source_of
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
    """Yields the text of one JSON object with the files, messages and memories of a commit."""
    fields = [
        *_header(view),
        ("files", Array(_files(view))),
        ("messages", Array(_messages(view))),
        ("memories", Object(_memories(view))),
        ("subagents", Array(_subagents(view))),
    ]
    yield from encode(Object(fields))
    yield "\n"


def iter_json_lines(view: View) -> Iterator[str]:
    """Yields JSON lines: a header, then messages, memories and files. The field ``type`` names the kind of a line."""
    yield from _line("header", _header(view))
    for message in _messages(view):
        yield from _line("message", message.fields)
    for path, messages in iter_subagents(view):
        for each in messages:
            yield from _line("subagent", [("file", path), *_message_fields(each)])
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


def _subagents(view: View) -> Iterator[Object]:
    for path, messages in iter_subagents(view):
        yield Object([("file", path), ("messages", Array(Object(_message_fields(each)) for each in messages))])


def _message_fields(message: Message) -> list[tuple[str, Any]]:
    return [*message_value(message).items(), raw_field(message.raw)]


def _files(view: View) -> Iterator[Object]:
    for path, entry in view.files.entries():
        yield Object(file_fields(view, path, entry))


def file_fields(view: View, path: str, entry: Entry) -> list[tuple[str, Any]]:
    """Returns the fields of a file, folder or link, with the content of a file."""
    fields: list[tuple[str, Any]] = list(entry_value(path, entry).items())
    if isinstance(entry, FileEntry):
        fields.append(content_field(lambda: view.iter_bytes(path)))
    return fields


def _memories(view: View) -> Iterator[tuple[str, Any]]:
    """Yields the memories that a program stored by key, and an agent's memories, which are files, by path."""
    for key, value in view.memories.items():
        if is_json(value):
            yield key, value
        else:
            yield key, {"python": repr(value)}  # NaN and infinities, which JSON cannot express
    source = source_of(view)
    for path, entry in view.files.entries() if source else ():
        if source and isinstance(entry, FileEntry) and source.is_memory(path):
            content = bytes_value(view.read(path))
            yield path, content.get("text", content)
