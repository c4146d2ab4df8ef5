"""OpenAI's chat completions API, as aider and Copilot use it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.clients.model.replies import Answer, Call, Reply, Turn, said

REMINDERS = ("\n\nTo suggest changes to a file", "\n\n# *SEARCH/REPLACE block* Rules")
"""The start of the reminder that aider adds to the last message, about the format of changes."""
CLOCK = re.compile(r"\A<current_datetime>[^<]*</current_datetime>\s*")
"""The text that Copilot puts before each message."""
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


def is_conversation(body: Any) -> bool:
    """Returns True: every request belongs to the session."""
    return bool(body.get("messages"))


def conversation(body: Any) -> list[Turn]:
    """Lists the turns, in order, without the system's messages. A client's messages about files in the user's name are
    turns."""
    return [turn for message in body["messages"] for turn in _turns(message)]


def _turns(message: Any) -> Iterator[Turn]:
    role, content = message["role"], message.get("content") or ""
    if isinstance(content, list):
        content = "\n".join(part.get("text", "") for part in content)
    for reminder in REMINDERS:
        content = content.partition(reminder)[0]
    content = CLOCK.sub("", content)
    if role in ("user", "assistant"):
        yield from said(role, content)
        for call in message.get("tool_calls") or []:
            yield Turn("call", call["function"]["name"])
    elif role == "tool":
        yield Turn("result", content)


def answer(body: Any, reply: Reply, number: int) -> Answer:
    """Formats the reply, streamed if the request asks for it."""
    message, finish = _message(reply, number)
    base = {"id": f"chat_{number:06}", "created": 0, "model": body.get("model")}
    if not body.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        return Answer(base | {"object": "chat.completion", "choices": [choice], "usage": USAGE})
    base["object"] = "chat.completion.chunk"
    deltas = [({"role": "assistant", "content": ""}, None), (message, None), ({}, finish)]
    chunks = [base | {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
    chunks.append(base | {"choices": [], "usage": USAGE})
    return Answer(events=(*((None, chunk) for chunk in chunks), (None, "[DONE]")))


def _message(reply: Reply, number: int) -> tuple[dict[str, Any], str]:
    if not isinstance(reply, Call):
        return {"content": reply.text}, "stop"
    function = {"name": reply.tool, "arguments": json.dumps(reply.arguments)}
    call = {"index": 0, "id": f"call_{number:06}", "type": "function", "function": function}
    return {"content": None, "tool_calls": [call]}, "tool_calls"
