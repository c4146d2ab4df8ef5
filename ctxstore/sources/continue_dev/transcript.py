"""The bytes of a session → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.content import parts_of
from ctxstore.sources.continue_dev.records import ContinueRecord, read
from ctxstore.sources.document import messages as document
from ctxstore.sources.protocol import Message, Part

KEY = "history"
"""The member of a session that holds its messages."""

_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool", "thinking": "assistant"}


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return document.iter_messages(blocks, offset, _Builder())


class _Builder:
    key = KEY

    def build(self, record: bytes, number: int) -> Message:
        """The message of an item of the history, with what tools gave back and what was attached to it."""
        found = read(record)
        message = found.message if found else None
        if found is None or not isinstance(message, dict):
            return document.unknown(b"", 0)._replace(id="")
        said = message.get("role")
        role = _ROLES.get(said, "meta") if isinstance(said, str) else "unknown"
        parts = (*_said(message, said), *_calls(message), *_answers(found), *_attached(found))
        return Message(_text(message.get("id")), role, parts, None, None, b"", 0, _model(found))

    def head(self, head: bytes) -> Message:
        """What precedes the history: the session's id, title and folder, as a rule."""
        return document.meta(document.HEAD)


def _said(message: dict[str, Any], role: Any) -> Iterator[Part]:
    content = message.get("content")
    if role == "tool":
        call = _text(message.get("toolCallId"))
        yield Part("tool_result", "\n".join(part.text for part in parts_of(content)), call=call)
    elif role == "thinking":
        yield from (Part("thinking", part.text) for part in parts_of(content))
    else:
        for part in parts_of(content):
            is_image = part.kind == "other" and isinstance(part.data, dict) and part.data.get("type") == "imageUrl"
            yield part._replace(kind="image") if is_image else part


def _calls(message: dict[str, Any]) -> Iterator[Part]:
    for call in _dicts(message.get("toolCalls")):
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        yield Part(
            "tool_use", name=_text(function.get("name")), call=_text(call.get("id")), data=function.get("arguments")
        )


def _answers(record: ContinueRecord) -> Iterator[Part]:
    """The thinking beside a message, and what its tools gave back, which the window keeps with the call."""
    if isinstance(record.reasoning, dict) and _text(record.reasoning.get("text")):
        yield Part("thinking", record.reasoning["text"])
    for state in (*_dicts([record.toolCallState]), *_dicts(record.toolCallStates)):
        output = [_text(item.get("content")) for item in _dicts(state.get("output"))]
        if output:
            failed = state.get("status") == "errored"
            yield Part("tool_result", "\n".join(output), call=_text(state.get("toolCallId")), error=failed)


def _attached(record: ContinueRecord) -> Iterator[Part]:
    for item in _dicts(record.contextItems):
        yield Part("other", name=_text(item.get("name")), data=item)


def _model(record: ContinueRecord) -> str | None:
    """What the window logs of a prompt, or the CLI of its use."""
    usage = record.message.get("usage") if isinstance(record.message, dict) else None
    logs = _dicts([usage, *_dicts(record.promptLogs)])
    names = (_text(log.get("modelTitle")) or _text(log.get("model")) for log in logs)
    return next(filter(None, names), None)


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
