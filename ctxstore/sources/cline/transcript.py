"""The bytes of a task's history → messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from ctxstore.sources.cline.content import is_answer, parts
from ctxstore.sources.cline.records import TaskRecord, read
from ctxstore.sources.document import messages as document
from ctxstore.sources.protocol import Message, Part

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
"""Who speaks in what the window shows; anything else there is about the conversation."""

_TOOLS = frozenset({"tool", "command", "use_mcp_server", "browser_action"})


def iter_messages(blocks: Iterable[bytes], offset: int = 0) -> Iterator[Message]:
    """The messages in `blocks`, the first of which starts at `offset`. Their `raw`, joined, is the input."""
    return document.iter_messages(blocks, offset, _Builder())


class _Builder:
    key = KEY

    def build(self, record: bytes, number: int) -> Message:
        """The message in a record of any of the three shapes."""
        found = read(record)
        if found is None:
            return document.unknown(b"", 0)._replace(id="")
        id = found.id if isinstance(found.id, str) else _stamp(found.ts)
        role, said = _of_window(found, number) if found.role is None else _of_history(found)
        return Message(id, role, said, _time(found.ts), None, b"", 0, _model(found))

    def head(self, head: bytes) -> Message:
        """What precedes the messages in a document that is an object: versions and ids."""
        return document.meta(document.HEAD)


def _of_history(record: TaskRecord) -> tuple[str, tuple[Part, ...]]:
    role = record.role if record.role in ("user", "assistant", "system", "tool") else "meta"
    if role == "user" and is_answer(record.content):
        role = "tool"
    return role, parts(record.content)


def _of_window(record: TaskRecord, number: int) -> tuple[str, tuple[Part, ...]]:
    said = record.say if isinstance(record.say, str) else record.ask
    text = record.text if isinstance(record.text, str) else ""
    if record.type == "reasoning":
        return "meta", tuple(Part("thinking", part.text) for part in parts(record.summary))
    if not isinstance(said, str):
        return "unknown" if record.type is None else "meta", parts(record.content)
    role = _SAID.get(said, "meta")
    if number == 0 and said == "text":
        role = "user"  # the task
    if not text and said in ("completion_result", "command", "tool"):
        role = "meta"  # asks for a go-ahead only
    if said in _TOOLS:
        return role, (Part("tool_use", name=said, data=text),)
    kind = "thinking" if said == "reasoning" else "tool_result" if role == "tool" else "text"
    return role, (Part(kind, text),) if text else ()


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
    """Many messages fall into one minute; formatting a time costs as much as the rest of a short message."""
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(minutes * 60, UTC):%Y-%m-%dT%H:%M}"


def _model(record: TaskRecord) -> str | None:
    info = record.modelInfo
    name = info.get("modelId") or info.get("id") if isinstance(info, dict) else record.model
    return name if isinstance(name, str) and name else None
