"""A Copilot session as messages, and its summary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ctxstore.sources.content import string_or_none
from ctxstore.sources.copilot import legacy
from ctxstore.sources.copilot.records import (
    ASSISTANT,
    COMPACTED,
    MODEL,
    REQUESTED,
    RESULT,
    RESUME,
    START,
    USER,
    CopilotLine,
    CopilotRecord,
    Data,
    decode_pieces,
    read,
    role_of,
)
from ctxstore.sources.document.scanner import DocumentScanner
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.reader import value_of
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Message, Part, Scanner, unknown_message
from ctxstore.sources.summary import SessionSummary, one_line


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    if offset == 0:
        head, blocks = legacy.peek(blocks)
        if legacy.is_document(head):
            return legacy.iter_messages(blocks, offset)
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
    """Returns the text of an event that is not a message, as parts. Returns no parts if it has no text."""
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


_TITLE = "GitHub Copilot CLI"


def make_scanner(before: Attributes | None = None) -> Scanner:
    """Returns a scanner of a session's events, or of what was added to them since `before`."""
    return RecordScanner(decode_pieces, _CopilotSummary(_TITLE, before)) if before else _TranscriptScanner()


def make_legacy_scanner(before: Attributes | None = None) -> Scanner:
    """Returns a scanner of an old version's document. Bytes appended to a document cannot be read alone."""
    return DocumentScanner(iter_messages, legacy.LegacySummary(_TITLE), before)


class _TranscriptScanner:
    """Chooses between the two forms of a transcript by its first bytes, as `iter_messages` does."""

    def __init__(self) -> None:
        self._head: list[bytes] = []
        self._size = 0
        self._chosen: Scanner | None = None

    def feed(self, block: bytes) -> None:
        """Reads the next bytes of the file. Blocks break anywhere."""
        if self._chosen:
            self._chosen.feed(block)
            return
        self._head.append(bytes(block))
        self._size += len(block)
        if self._size >= legacy.PEEK:
            self._choose()

    def finish(self) -> Attributes:
        """Returns the attributes, once the file ended."""
        return (self._chosen or self._choose()).finish()

    def _choose(self) -> Scanner:
        held = b"".join(self._head)
        is_document = legacy.is_document(held[: legacy.PEEK])
        summary = _CopilotSummary(_TITLE, None)
        chosen = make_legacy_scanner() if is_document else RecordScanner(decode_pieces, summary)
        chosen.feed(held)
        self._chosen, self._head = chosen, []
        return chosen


class _CopilotSummary(SessionSummary):
    """The title is the first text of the user; the model is the last one that was chosen, or that answered."""

    def add(self, record: CopilotLine) -> None:
        """Adds the next event."""
        type = record.type
        if role_of(type) not in ("meta", "unknown"):
            self.count_message()
        if record.data is not None and isinstance(type, str):
            self._note(type, record.data)

    def _note(self, type: str, data: Data) -> None:
        if type == USER and not self.title and value_of(data.source) in (None, "", "user"):
            self.title = one_line(value_of(data.content)) or None
        elif type == ASSISTANT:
            self.model = string_or_none(value_of(data.model)) or self.model
        elif type == MODEL:
            self.model = string_or_none(value_of(data.newModel)) or self.model
        elif type in (START, RESUME):
            self.model = string_or_none(value_of(data.selectedModel)) or self.model
            context = value_of(data.context)
            self.project = self.project or string_or_none(context.get("cwd") if isinstance(context, dict) else None)
