"""The messages of a commit: from an agent's transcript, or from native records, which a program stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ctxstore.errors import NotFound
from ctxstore.ops.content.inherited import TranscriptHistory, find_history, iter_history_messages
from ctxstore.ops.content.view import View, dump_json
from ctxstore.sources.lineage import Inheriting
from ctxstore.sources.protocol import Message, Part, Source, Subagents, messages_of
from ctxstore.sources.registry import get_source
from ctxstore.trees.entries import FileEntry

ROLES = ("user", "assistant", "system", "tool")
"""The roles of a native record that become a message's role. Any other role becomes ``unknown``."""


def source_of(view: View) -> Source | None:
    """Returns the source that made a commit. None if the commit is native or this installation lacks the source."""
    if view.is_native:
        return None
    try:
        return get_source(view.commit.source)
    except NotFound:
        return None


def transcript_key(view: View) -> str | None:
    """Returns the path of the transcript, the file that contains a commit's messages, or None if there is none."""
    source = source_of(view)
    # The source expects the session's original name. The ref of a fork is another name.
    key = source.transcript(view.commit.ref, (path for path, _ in view.files.entries())) if source else None
    return key if key is not None and isinstance(view.files.get(key), FileEntry) else None


def iter_messages(view: View) -> Iterator[Message]:
    """Yields all messages of a commit in stored order, reading one at a time. Raises `Corrupt`.

    Messages that the transcript inherits from other files come first.
    """
    if view.is_native:
        return iter_native(view)
    source, key = source_of(view), transcript_key(view)
    if source is None or key is None:
        return iter(())
    if isinstance(source, Inheriting):
        return iter_history_messages(source, find_history(view, source, key))
    return messages_of(source, key, view.iter_bytes(key))


def history_of(view: View) -> TranscriptHistory | None:
    """Returns the files that a commit's messages are in, or None if it has no transcript."""
    source, key = source_of(view), transcript_key(view)
    return find_history(view, source, key) if source and key else None


class SubagentTranscript(NamedTuple):
    """The path of a subagent's transcript in a commit, and its messages, which are read as they are needed."""

    path: str
    messages: Iterator[Message]


def subagent_paths(view: View) -> list[str]:
    """Returns the paths of the transcripts of a commit's subagents, in order."""
    source = source_of(view)
    if not isinstance(source, Subagents):
        return []
    paths = (path for path, entry in view.files.entries() if isinstance(entry, FileEntry))
    return source.subagents(view.commit.ref, paths)


def iter_subagents(view: View) -> Iterator[SubagentTranscript]:
    """Yields the transcripts of a commit's subagents. Raises `Corrupt`."""
    for path in subagent_paths(view):
        yield SubagentTranscript(path, iter_subagent(view, path))


def iter_subagent(view: View, path: str) -> Iterator[Message]:
    """Yields the messages of the transcript at `path`, reading one at a time. Raises `Corrupt`, `NotFound`."""
    source = source_of(view)
    return messages_of(source, path, view.iter_bytes(path)) if source else iter(())


def iter_native(view: View, start: int = 0, stop: int | None = None) -> Iterator[Message]:
    """Yields the native records from number `start` to `stop` as messages, reading one at a time."""
    for index, record in enumerate(view.messages.iter(start, stop), start):
        yield native_message(record, index)


def native_message(record: Any, index: int) -> Message:
    """Converts a native record to a message.

    Records in OpenAI's or Anthropic's format become a role and parts. Any other record becomes one part with its JSON.
    `index` is the record's number: it serves as `offset`, since there is no file, and as the id of a record without id.
    """
    raw = dump_json(record)
    if not isinstance(record, dict):
        return Message(str(index), "unknown", (Part("other", data=record),), None, None, raw, index)
    role = record.get("role")
    return Message(
        id=_text(record.get("id")) or str(index),
        role=role if role in ROLES else "unknown",
        parts=tuple(_parts(record)),
        time=_text(record.get("timestamp") or record.get("time")) or None,
        parent=_text(record.get("parent")) or None,
        raw=raw,
        offset=index,
        model=_text(record.get("model")) or None,
    )


def _text(value: Any) -> str:
    """Returns a str or a number as text, and an empty str for any other value."""
    return value if isinstance(value, str) else str(value) if isinstance(value, (int, float)) else ""


def _parts(record: dict[str, Any]) -> Iterator[Part]:
    """Yields the parts of a record: its content, then its tool calls."""
    content = record.get("content")
    if isinstance(content, str):
        kind = "tool_result" if record.get("role") == "tool" else "text"
        yield Part(kind, text=content, call=_text(record.get("tool_call_id")))
    elif isinstance(content, list):
        for block in content:
            yield _block(block)
    elif content is not None or "role" not in record:
        yield Part("other", data=record)
    for call in record.get("tool_calls") or ():
        if isinstance(call, dict):
            function = call.get("function")
            function = function if isinstance(function, dict) else {}
            yield Part(
                "tool_use",
                name=_text(function.get("name")),
                call=_text(call.get("id")),
                data=function.get("arguments"),
            )


def _block(block: Any) -> Part:
    """Converts one block of a record's content to a part."""

    if not isinstance(block, dict):
        return Part("other", data=block)
    kind = block.get("type")
    if kind == "text":
        return Part("text", text=_text(block.get("text")))
    if kind == "thinking":
        return Part("thinking", text=_text(block.get("thinking")))
    if kind == "tool_use":
        return Part("tool_use", name=_text(block.get("name")), call=_text(block.get("id")), data=block.get("input"))
    if kind == "tool_result":
        content = block.get("content")
        text = content if isinstance(content, str) else ""
        return Part("tool_result", text=text, call=_text(block.get("tool_use_id")), data=content)
    return Part("image" if kind in ("image", "image_url") else "other", data=block)
