"""A Continue session as messages, and its summary."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ctxstore.sources.content import objects, parts_of, string
from ctxstore.sources.continue_dev.records import FOLDER, KEY, ContinueRecord, facts_of, path_of, read
from ctxstore.sources.document import messages as document
from ctxstore.sources.document.messages import HEAD, TAIL
from ctxstore.sources.document.scanner import DocumentScanner
from ctxstore.sources.protocol import Attributes, Message, Part
from ctxstore.sources.summary import SessionSummary, one_line

_ROLES = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool", "thinking": "assistant"}


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return document.iter_messages(blocks, offset, _Builder())


class _Builder:
    key = KEY

    def build(self, record: bytes, number: int) -> Message:
        """Returns the message of an item of the history, with tools' results and what was attached to it."""
        found = read(record)
        message = found.message if found else None
        if found is None or not isinstance(message, dict):
            return document.unknown(b"", 0)._replace(id="")
        speaker = message.get("role")
        role = _ROLES.get(speaker, "meta") if isinstance(speaker, str) else "unknown"
        parts = (*_content(message, speaker), *_calls(message), *_answers(found), *_attached(found))
        return Message(string(message.get("id")), role, parts, None, None, b"", 0, _model(found))

    def head(self, head: bytes) -> Message:
        """Returns the message of what precedes the history: the session's id, title and folder, as a rule."""
        return document.meta(document.HEAD)


def _content(message: dict[str, Any], role: Any) -> Iterator[Part]:
    content = message.get("content")
    if role == "tool":
        call = string(message.get("toolCallId"))
        yield Part("tool_result", "\n".join(part.text for part in parts_of(content)), call=call)
    elif role == "thinking":
        yield from (Part("thinking", part.text) for part in parts_of(content))
    else:
        for part in parts_of(content):
            is_image = part.kind == "other" and isinstance(part.data, dict) and part.data.get("type") == "imageUrl"
            yield part._replace(kind="image") if is_image else part


def _calls(message: dict[str, Any]) -> Iterator[Part]:
    for call in objects(message.get("toolCalls")):
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        yield Part(
            "tool_use", name=string(function.get("name")), call=string(call.get("id")), data=function.get("arguments")
        )


def _answers(record: ContinueRecord) -> Iterator[Part]:
    """Yields the thinking beside a message, and its tools' results, which the window keeps with the call."""
    if isinstance(record.reasoning, dict) and string(record.reasoning.get("text")):
        yield Part("thinking", record.reasoning["text"])
    for state in (*objects([record.toolCallState]), *objects(record.toolCallStates)):
        output = [string(item.get("content")) for item in objects(state.get("output"))]
        if output:
            failed = state.get("status") == "errored"
            yield Part("tool_result", "\n".join(output), call=string(state.get("toolCallId")), error=failed)


def _attached(record: ContinueRecord) -> Iterator[Part]:
    for item in objects(record.contextItems):
        yield Part("other", name=string(item.get("name")), data=item)


def _model(record: ContinueRecord) -> str | None:
    """Returns the model, from the window's log of a prompt, or from the CLI's of its usage."""
    usage = record.message.get("usage") if isinstance(record.message, dict) else None
    logs = objects([usage, *objects(record.promptLogs)])
    names = (string(log.get("modelTitle")) or string(log.get("model")) for log in logs)
    return next(filter(None, names), None)


_UNTITLED = frozenset({"", "New Session", "Untitled Session"})


def make_scanner(before: Attributes | None = None) -> DocumentScanner:
    """Returns a scanner of a session. A session is one document, so appended bytes cannot be read alone."""
    return DocumentScanner(iter_messages, _ContinueSummary("Continue"), before)


class _ContinueSummary(SessionSummary):
    """The summary of a session. Title, model and folder are members of the document, before or after its history."""

    def __init__(self, agent: str) -> None:
        super().__init__(agent)
        self._facts: dict[str, str] = {}

    def add(self, message: Message) -> None:
        """Adds the next message."""
        if message.id == HEAD:
            self._facts |= facts_of(message.raw)
        elif message.id == TAIL:
            self._facts |= facts_of(b'{"%s":[' % KEY.encode() + message.raw)
        elif message.role == "assistant":
            self.model = message.model or self.model
        elif message.role == "user":
            self.set_title(message.parts)

    def attributes(self) -> Attributes:
        """Returns the attributes of all messages so far."""
        title = one_line(self._facts.get("title"))
        self.own_title = "" if title in _UNTITLED else title
        self.model = self.model or self._facts.get("chatModelTitle") or None
        self.project = path_of(self._facts.get(FOLDER, "")) or None
        return super().attributes()
