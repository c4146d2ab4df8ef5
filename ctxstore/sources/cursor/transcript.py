"""A Cursor conversation as messages, and its summary. A bubble is a message, every other pair is meta."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ctxstore.sources.content import kind_of, string, string_or_none, text_parts
from ctxstore.sources.cursor.project_names import folder_named, guess_folder
from ctxstore.sources.cursor.records import (
    COUNTED,
    RESULTS,
    CursorRecord,
    bubbles_of,
    composer_of,
    folder_in,
    read,
    role_of,
)
from ctxstore.sources.cursor.workspaces import path_of
from ctxstore.sources.jsonl import messages as jsonl
from ctxstore.sources.jsonl.reader import RecordReader
from ctxstore.sources.jsonl.scanner import RecordScanner
from ctxstore.sources.protocol import Attributes, Message, Part, Scanner
from ctxstore.sources.summary import SessionSummary, one_line

_QUERY = re.compile(r"<user_query>(.*?)(?:</user_query>|\Z)", re.DOTALL)


class Bubble(msgspec.Struct, gc=False):
    """The members of a bubble that make a message. All may have any type: formats change."""

    text: Any = None
    thinking: Any = None
    images: Any = None
    toolFormerData: Any = None
    createdAt: Any = None
    modelInfo: Any = None


class Branch:
    """Decides which bubbles belong to the conversation. The user undid the others, and they may have the same text.

    All bubbles belong to the conversation until a record lists them.
    """

    def __init__(self) -> None:
        self._bubbles: frozenset[str] = frozenset()

    def role(self, record: CursorRecord) -> str:
        """Returns the role of a line, after those before it."""
        if record.is_conversation:
            self._bubbles = frozenset(bubbles_of(record.value))
        role = role_of(record)
        return "meta" if record.bubble and self._bubbles and record.bubble not in self._bubbles else role

    @property
    def is_known(self) -> bool:
        """Whether a record listed the bubbles."""
        return bool(self._bubbles)


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    branch = Branch()

    def build(raw: bytes, record: CursorRecord, at: int) -> Message:
        return _message(raw, record, at, branch.role(record))

    return jsonl.iter_messages(blocks, offset, read, build)


def parts_in(record: CursorRecord) -> tuple[Part, ...]:
    """Returns the parts of a message."""
    return tuple(_parts(bubble_of(record.value))) if record.bubble else _parts_of_content(record.body)


def bubble_of(value: bytes | str) -> Bubble:
    """Returns the bubble in a pair's value, or an empty bubble if there is none."""
    return _bubbles.decode(value.encode("utf-8", "replace") if isinstance(value, str) else value) or Bubble()


_bubbles = RecordReader(Bubble)


def _message(raw: bytes, record: CursorRecord, at: int, role: str) -> Message:
    if record.is_conversation:
        return Message(f"@{at}", role, text_parts(composer_of(record.value).name), None, None, raw, at)
    if role in ("meta", "unknown") and not record.bubble:
        return Message(f"@{at}", role, (), None, None, raw, at)
    if not record.bubble:
        return Message(f"@{at}", role, parts_in(record), None, None, raw, at)
    bubble = bubble_of(record.value)
    time = bubble.createdAt if isinstance(bubble.createdAt, str) else None
    model = model_of(bubble) if role == "assistant" else None
    return Message(record.bubble, role, tuple(_parts(bubble)), time, None, raw, at, model)


def model_of(bubble: Bubble) -> str | None:
    """Returns the model that a bubble names."""
    info = bubble.modelInfo
    return string_or_none(info.get("modelName")) if isinstance(info, dict) else None


def _parts_of_content(content: Any) -> tuple[Part, ...]:
    """Returns the parts of a transcript's line: a text, or blocks."""
    return tuple(map(_block, content)) if isinstance(content, list) else text_parts(_said(content))


def _said(text: Any) -> str:
    """Returns the user's text from a text with Cursor's tags. Text that Cursor added for the model is omitted."""
    text = string(text)
    found = _QUERY.findall(text) if "<user_query>" in text else []
    return "\n".join(query.strip() for query in found) if found else text


def _parts(bubble: Bubble) -> Iterator[Part]:
    """Yields a bubble's parts. A tool's call and its result are one bubble."""
    thinking = bubble.thinking
    thought = string(thinking.get("text")) if isinstance(thinking, dict) else string(thinking)
    if thought:
        yield Part("thinking", thought)
    if text := string(bubble.text):
        yield Part("text", text)
    images = bubble.images
    for image in images if isinstance(images, list) else ():
        yield Part("image", data=image)
    tool = bubble.toolFormerData
    if isinstance(tool, dict) and tool:
        yield from _tool(tool)


def _tool(tool: dict[str, Any]) -> Iterator[Part]:
    call, name = string(tool.get("toolCallId")), string(tool.get("name"))
    given = tool.get("rawArgs") or tool.get("params")
    yield Part("tool_use", name=name, call=call, data=_decoded(given))
    status, result = tool.get("status"), tool.get("result") or tool.get("error")
    if result is not None or status in ("completed", "error", "cancelled"):
        text = result if isinstance(result, str) else "" if result is None else json.dumps(result, ensure_ascii=False)
        yield Part("tool_result", text, call=call, error=status == "error")


def _block(block: Any) -> Part:
    kind = kind_of(block)
    if kind == "text":
        return Part("text", _said(block.get("text")))
    if kind in ("tool_use", "tool-call", "tool_call"):
        call = string(block.get("id") or block.get("toolCallId") or block.get("tool_call_id"))
        name = string(block.get("name") or block.get("toolName") or block.get("tool_name"))
        given = (block[member] for member in ("input", "args", "arguments", "params") if member in block)
        return Part("tool_use", name=name, call=call, data=next(given, None))
    if kind in RESULTS:
        return _result(block)
    if kind in ("thinking", "reasoning"):
        return Part("thinking", string(block.get("thinking") or block.get("text")))
    return Part("image" if kind == "image" else "other", data=block)


def _result(block: dict[str, Any]) -> Part:
    call = string(block.get("tool_use_id") or block.get("toolCallId") or block.get("tool_call_id"))
    given = (block[member] for member in ("content", "result", "output") if member in block)
    content = next(given, None)
    text = "\n".join(part.text for part in _parts_of_content(content) if part.kind == "text")
    if not text and content and not isinstance(content, (str, list)):
        text = json.dumps(content, ensure_ascii=False)
    data = None if isinstance(content, str) else content
    return Part("tool_result", text, call=call, data=data, error=bool(block.get("is_error") or block.get("isError")))


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def make_scanner(before: Attributes | None = None, folder: str = "") -> Scanner:
    """Returns a scanner of a conversation, or of what was added to it since `before`.

    `folder`: the encoded path of the project that a transcript of the command line is kept under.
    """
    return RecordScanner(read, _CursorSummary("Cursor", before, folder))


class _CursorSummary(SessionSummary):
    def __init__(self, agent: str, before: Attributes | None, folder: str) -> None:
        super().__init__(agent, before)
        self._branch = Branch()
        self._folder = folder

    def add(self, record: CursorRecord) -> None:
        """Adds the next line."""
        role = self._branch.role(record)
        if record.is_conversation:
            self.own_title = one_line(composer_of(record.value).name)
        self.project = self.project or path_of(record.workspace) or _folder_in(record)
        if self._folder and not self.project:
            self.project = folder_named(self._folder, record.raw)
        if record.bubble and self.is_resumed and not self._branch.is_known:
            self.messages = None  # what precedes may say which bubbles are the conversation
        if role not in COUNTED:
            return
        self.count_message()
        if role == "user" and not self.title:
            self.set_title(parts_in(record))
        elif role == "assistant" and record.bubble:
            self.model = _model_of(record) or self.model

    def attributes(self) -> Attributes:
        """Returns the attributes of all lines so far."""
        if self._folder and not self.project:
            self.project = guess_folder(self._folder)
        return super().attributes()


def _folder_in(record: CursorRecord) -> str | None:
    """Returns the folder that a bubble names, or None. Most bubbles name none, and are not decoded."""
    may_name = record.bubble and (b"workspace" in record.raw or isinstance(record.value, bytes))
    return folder_in(record.value) if may_name else None


def _model_of(record: CursorRecord) -> str | None:
    """Returns the model that a bubble names, or None. Most bubbles name none, and are not decoded."""
    value = record.value
    may_name = b"modelInfo" in record.raw or isinstance(value, bytes)
    return model_of(bubble_of(value)) if may_name else None
