"""OpenAI's responses API, as Codex uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.clients.model.replies import Answer, Call, Reply, Turn, said

SURROUNDINGS = ("<environment_context>", "<user_instructions>", "<permissions", "# AGENTS.md", "<skills_instructions>")
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 5,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 15,
}


def is_conversation(body: Any) -> bool:
    """Returns True: every request belongs to the session."""
    return "input" in body


def conversation(body: Any) -> list[Turn]:
    """Lists the turns of a request, in order."""
    items = body["input"]
    if isinstance(items, str):
        return said("user", items)
    return [turn for item in items for turn in _turns(item)]


def _turns(item: Any) -> Iterator[Turn]:
    kind = item.get("type", "message")
    if kind == "message" and item["role"] in ("user", "assistant"):
        for part in [{"text": item["content"]}] if isinstance(item["content"], str) else item["content"]:
            yield from said(item["role"], part.get("text", ""), SURROUNDINGS)
    elif kind in ("function_call", "custom_tool_call"):
        yield Turn("call", item["name"])
    elif kind in ("function_call_output", "custom_tool_call_output"):
        output = item.get("output", "")
        yield Turn("result", output if isinstance(output, str) else json.dumps(output))


def answer(body: Any, reply: Reply, number: int) -> Answer:
    """Formats the reply, streamed if the request asks for it."""
    item = _item(reply, number)
    response = {"id": f"resp_{number:06}", "object": "response", "created_at": 0, "model": body.get("model")}
    begun = response | {"status": "in_progress", "output": []}
    done = response | {"status": "completed", "output": [item], "usage": USAGE}
    if not body.get("stream"):
        return Answer(done)
    events = [
        _event("response.created", response=begun),
        _event("response.output_item.added", output_index=0, item=item),
        _event("response.output_item.done", output_index=0, item=item),
        _event("response.completed", response=done),
    ]
    if not isinstance(reply, Call):
        delta = {"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": reply.text}
        events.insert(2, _event("response.output_text.delta", **delta))
    return Answer(events=tuple(events))


def _event(kind: str, **fields: Any) -> tuple[str, Any]:
    return kind, {"type": kind, **fields}


def _item(reply: Reply, number: int) -> dict[str, Any]:
    if isinstance(reply, Call):
        call = {"type": "function_call", "id": f"fc_{number:06}", "call_id": f"call_{number:06}"}
        return {**call, "name": reply.tool, "arguments": json.dumps(reply.arguments), "status": "completed"}
    text = {"type": "output_text", "text": reply.text, "annotations": []}
    return {"type": "message", "id": f"msg_{number:06}", "role": "assistant", "status": "completed", "content": [text]}
