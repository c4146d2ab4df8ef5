"""The events of a session → messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ctxstore.sources.copilot.records import ASSISTANT, COMPACTED, REQUESTED, RESULT, CopilotRecord, read, role_of
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.protocol import Message, Part, unknown_message


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return jsonl.iter_messages(blocks, offset, read, _message)


def _message(raw: bytes, record: CopilotRecord, offset: int) -> Message:
    role = role_of(record.type)
    if role == "unknown":
        return unknown_message(raw, offset)
    data = record.data if isinstance(record.data, dict) else {}
    parts = _PARTS.get(record.type, _text if role != "meta" else _told)(data)
    id, time, parent = _string(record.id), _string(record.timestamp), _string(record.parentId)
    model = _string(data.get("model")) if record.type == ASSISTANT else ""
    return Message(id or f"@{offset}", role, parts, time or None, parent or None, raw, offset, model or None)


def _text(data: dict[str, Any]) -> tuple[Part, ...]:
    content = data.get("content")
    text = (Part("text", content),) if isinstance(content, str) and content else ()
    attachments = data.get("attachments")
    return text + tuple(map(_attachment, attachments if isinstance(attachments, list) else ()))


def _attachment(value: Any) -> Part:
    kind = value.get("mimeType") if isinstance(value, dict) else None
    return Part("image" if isinstance(kind, str) and kind.startswith("image/") else "other", data=value)


def _told(data: dict[str, Any]) -> tuple[Part, ...]:
    """What an event that is nobody's words tells a person, if it does."""
    text = data.get("message") or data.get("reason")
    return (Part("text", text),) if isinstance(text, str) else ()


def _answer(data: dict[str, Any]) -> tuple[Part, ...]:
    thought = data.get("reasoningText")
    thinking = (Part("thinking", thought),) if isinstance(thought, str) and thought else ()
    requests = data.get("toolRequests")
    calls = [request for request in (requests if isinstance(requests, list) else ()) if isinstance(request, dict)]
    return thinking + _text(data) + tuple(_call(request, "name") for request in calls)


def _call(data: dict[str, Any], name: str) -> Part:
    return Part(
        "tool_use", name=_string(data.get(name)), call=_string(data.get("toolCallId")), data=data.get("arguments")
    )


def _result(data: dict[str, Any]) -> tuple[Part, ...]:
    result, error = data.get("result"), data.get("error")
    text = result.get("content") if isinstance(result, dict) else result
    if error is not None:
        text = error.get("message") if isinstance(error, dict) else error
    failed = data.get("success") is False
    return (Part("tool_result", _string(text), call=_string(data.get("toolCallId")), data=result, error=failed),)


def _summary(data: dict[str, Any]) -> tuple[Part, ...]:
    summary = _string(data.get("summaryContent"))
    return (Part("text", summary),) if summary else ()


_PARTS: dict[Any, Callable[[dict[str, Any]], tuple[Part, ...]]] = {
    ASSISTANT: _answer,
    RESULT: _result,
    REQUESTED: lambda data: (_call(data, "toolName"),),
    COMPACTED: _summary,
    "assistant.reasoning": lambda data: (Part("thinking", _string(data.get("content"))),),
}


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
