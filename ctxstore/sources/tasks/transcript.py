"""A task's history as messages, and its summary."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from ctxstore.sources.content import TOOL_RESULT, is_tool_answer, kind_of, parts_of, plain_text, string, string_or_none
from ctxstore.sources.document import messages as document
from ctxstore.sources.document.messages import TAIL
from ctxstore.sources.document.scanner import DocumentScanner
from ctxstore.sources.protocol import Attributes, Message, Part
from ctxstore.sources.summary import SessionSummary, one_line
from ctxstore.sources.tasks.records import TaskRecord, read

KEY = "messages"
"""The member that holds the messages where the document is an object."""

_SAID = {
    "task": "user",
    "user_feedback": "user",
    "user_feedback_diff": "user",
    "text": "assistant",
    "reasoning": "assistant",
    "completion_result": "assistant",
    "followup": "assistant",
    "plan_mode_respond": "assistant",
    "tool": "assistant",
    "command": "assistant",
    "use_mcp_server": "assistant",
    "browser_action": "assistant",
    "command_output": "tool",
    "mcp_server_response": "tool",
    "browser_action_result": "tool",
    "error": "system",
}
"""The roles of the window's messages; all others there are about the conversation."""

_ANSWERS = ("tool-result", TOOL_RESULT)
_WRITTEN_ANSWER = re.compile(r"\[\w+( for [^\n]*)?\] Result:")
"""The start of a tool's result that is sent as text."""

_TOOLS = frozenset({"tool", "command", "use_mcp_server", "browser_action"})


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """Yields the messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return document.iter_messages(blocks, offset, _Builder())


class _Builder:
    key = KEY

    def build(self, record: bytes, number: int) -> Message:
        """Returns the message in a record of any of the three shapes."""
        found = read(record)
        if found is None:
            return document.unknown(b"", 0)._replace(id="")
        id = found.id if isinstance(found.id, str) else _stamp(found.ts)
        role, said = _of_window(found, number) if found.role is None else _of_history(found)
        return Message(id, role, said, _time(found.ts), None, b"", 0, _model(found))

    def head(self, head: bytes) -> Message:
        """Returns the message of what precedes the messages in a document that is an object: versions and ids."""
        return document.meta(document.HEAD)


def _of_history(record: TaskRecord) -> tuple[str, tuple[Part, ...]]:
    role = record.role if record.role in ("user", "assistant", "system", "tool") else "meta"
    if role == "user" and _is_answer(record.content):
        role = "tool"
    return role, _parts(record.content)


def _of_window(record: TaskRecord, number: int) -> tuple[str, tuple[Part, ...]]:
    said = record.say if isinstance(record.say, str) else record.ask
    text = record.text if isinstance(record.text, str) else ""
    if record.type == "reasoning":
        return "meta", tuple(Part("thinking", part.text) for part in _parts(record.summary))
    if not isinstance(said, str):
        return "unknown" if record.type is None else "meta", _parts(record.content)
    role = _SAID.get(said, "meta")
    if number == 0 and said == "text":
        role = "user"  # the task
    if not text and said in ("completion_result", "command", "tool"):
        role = "meta"  # asks for a go-ahead only
    if said in _TOOLS:
        return role, (Part("tool_use", name=said, data=text),)
    kind = "thinking" if said == "reasoning" else "tool_result" if role == "tool" else "text"
    return role, (Part(kind, text),) if text else ()


def _parts(content: Any) -> tuple[Part, ...]:
    """Returns the parts of a ``content``: a text, or a list of blocks."""
    if not isinstance(content, list):
        return parts_of(content)
    return tuple(part for block in content for part in _parts_of_block(block))


def _is_answer(content: Any) -> bool:
    """Whether the content begins with a tool's result: what follows it there is the agent's, not the user's."""
    if is_tool_answer(content):
        return True
    if not isinstance(content, list) or not content:
        return False
    first = content[0]
    kind = kind_of(first)
    return kind in _ANSWERS or (kind == "text" and bool(_WRITTEN_ANSWER.match(string(first.get("text")))))


def _parts_of_block(block: Any) -> tuple[Part, ...]:
    kind = kind_of(block)
    if kind == "tool-call":
        call, name = string(block.get("toolCallId")), string(block.get("toolName"))
        return (Part("tool_use", name=name, call=call, data=block.get("input")),)
    if kind == "tool-result":
        output = block.get("output")
        text = output if isinstance(output, str) else _value(output)
        call, name = string(block.get("toolCallId")), string(block.get("toolName"))
        return (Part(TOOL_RESULT, text, name, call, None if isinstance(output, str) else output),)
    if kind == "reasoning":
        return (Part("thinking", string(block.get("text"))),)
    return parts_of([block])


def _value(output: Any) -> str:
    """Returns the text of an AI SDK's ``{"type": "text", "value": …}``, or of a list of blocks."""
    if isinstance(output, dict):
        value = output.get("value")
        return value if isinstance(value, str) else plain_text(value)
    return plain_text(output)


def _stamp(ts: Any) -> str:
    return str(ts) if isinstance(ts, int) and 0 < ts < 1 << 53 else ""


def _time(ts: Any) -> str | None:
    """Milliseconds since 1970 as text, as other agents write it."""
    if not _stamp(ts) or ts >= 253_402_300_800_000:  # year 10,000
        return None
    seconds = ts // 1000
    return f"{_minute(seconds // 60)}:{seconds % 60:02}.{ts % 1000:03}Z"


@lru_cache(256)
def _minute(minutes: int) -> str:
    """Formats a minute. Many messages fall into one, and formatting costs as much as the rest of a short message."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(minutes * 60, UTC):%Y-%m-%dT%H:%M}"


def _model(record: TaskRecord) -> str | None:
    info = record.modelInfo
    name = info.get("modelId") or info.get("id") if isinstance(info, dict) else record.model
    return string_or_none(name)


_FOLDER = re.compile(r"# Current (?:Working|Workspace) Directory \((.+?)\) Files")
_MODEL = re.compile(r"<model>([^<]{1,200})</model>")
_DETAILS = "<environment_details>"
_TAGS = re.compile(r"</?(?:task|user_message|user_input|feedback|answer)(?: [^<>]{0,100})?>")
_PROMPT = re.compile(rb"Working Directory: ((?:[^\"\\]|\\\\)+)\\n")
"""The folder in the newer Cline's instructions, which follow the messages as JSON."""
_LOOKED = 1 << 16
"""Characters of a text that are searched for the surroundings."""


def make_scanner(agent: str, before: Attributes | None = None) -> DocumentScanner:
    """Returns a scanner of a task's messages, which are one document: what was added can't be read alone."""
    return DocumentScanner(iter_messages, TaskSummary(agent), before)


class TaskSummary(SessionSummary):
    """Title, model and project. The project and, for Roo Code, the model are in the agent's description of the
    surroundings, which it adds to the user's message."""

    _named = ""

    def add(self, message: Message) -> None:
        """Adds the next message."""
        if message.id == TAIL and not self.project and (prompt := _PROMPT.search(message.raw)):
            self.project = prompt[1].replace(b"\\\\", b"\\").decode("utf-8", "surrogateescape")
        if message.role == "assistant":
            self.model = message.model or self.model
        if message.role not in ("user", "tool"):
            return
        for part in message.parts:
            if part.kind != "text":
                continue
            text = part.text.lstrip()
            if not text.startswith(_DETAILS):
                if not self.title and message.role == "user":
                    self.title = one_line(_TAGS.sub("", text.partition(_DETAILS)[0][:_LOOKED]).strip())
                continue
            self._surroundings(text[:_LOOKED])

    def _surroundings(self, text: str) -> None:
        if not self.project and (found := _FOLDER.search(text)):
            self.project = found[1]
        if found := _MODEL.search(text):
            self._named = found[1]

    def attributes(self) -> Attributes:
        """Returns the attributes of all messages so far."""
        self.model = self.model or self._named or None
        return super().attributes()
