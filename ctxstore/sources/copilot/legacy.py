"""Sessions of Copilot CLI before 0.0.342: one document each, with the messages as they were sent to the model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from ctxstore.sources.content import json_object, objects, parts_of, string
from ctxstore.sources.document import messages as document
from ctxstore.sources.protocol import Message, Part
from ctxstore.sources.summary import SessionSummary

PEEK = 256
"""The bytes that decide whether a transcript is such a document."""

_DOCUMENT = re.compile(rb'\s{0,100}\{\s{0,100}"(sessionId|startTime|chatMessages|timeline)"')
_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "developer": "system", "tool": "tool"}


def is_document(head: bytes) -> bool:
    """Whether a transcript that begins with `head` is a document."""
    return _DOCUMENT.match(head) is not None


def peek(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Returns the beginning of the `blocks`, and all of them."""
    rest, held, head = iter(blocks), list[bytes](), b""
    while len(head) < PEEK and (block := next(rest, None)) is not None:
        held.append(bytes(block))
        head += held[-1][:PEEK]
    return head[:PEEK], chain(held, rest)


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return document.iter_messages(blocks, offset, _Builder())


class LegacySummary(SessionSummary):
    """The title is the first text of the user."""

    def add(self, message: Message) -> None:
        """Adds the next message."""
        if message.role == "user":
            self.set_title(message.parts)


class _Builder:
    key = "chatMessages"

    def build(self, record: bytes, number: int) -> Message:
        """Returns the message of a member of the list, as OpenAI's API has them."""
        found = json_object(record.decode("utf-8", "replace"))
        speaker = found.get("role")
        if not isinstance(speaker, str):
            return document.unknown(b"", 0)._replace(id="")
        parts = parts_of(found.get("content"))
        if speaker == "tool":
            text = "\n".join(part.text for part in parts)
            parts = (Part("tool_result", text, call=string(found.get("tool_call_id"))),)
        calls = tuple(_call(call) for call in objects(found.get("tool_calls")))
        return Message("", _ROLES.get(speaker, "meta"), parts + calls, None, None, b"", 0)

    def head(self, head: bytes) -> Message:
        """Returns the message of what precedes the list: the session's id and start."""
        return document.meta(document.HEAD)


def _call(call: dict[str, object]) -> Part:
    function = call.get("function")
    function = function if isinstance(function, dict) else {}
    name, data = string(function.get("name")), function.get("arguments")
    return Part("tool_use", name=name, call=string(call.get("id")), data=data)
