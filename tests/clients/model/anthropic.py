"""Anthropic's messages API, as Claude Code uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.clients.model.replies import Answer, Call, Reply, Turn, said

SURROUNDINGS = ("<system-reminder>", "<local-command-caveat>", "<available-deferred-tools>")
USAGE = {"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}


def is_conversation(body: Any) -> bool:
    """Whether the request belongs to the session. A request without tools is for a title, or checks the key."""
    return bool(body.get("tools"))


def conversation(body: Any) -> list[Turn]:
    """Lists the turns of a request, in order."""
    return [turn for message in body["messages"] for turn in _turns(message)]


def _turns(message: Any) -> Iterator[Turn]:
    role, content = message["role"], message["content"]
    if role == "system":
        return
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        if block["type"] == "text":
            yield from said(role, block["text"], SURROUNDINGS)
        elif block["type"] == "tool_use":
            yield Turn("call", block["name"])
        elif block["type"] == "tool_result":
            yield Turn("result", _text(block.get("content")))


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(block.get("text", "") for block in content)
    return content or ""


def answer(body: Any, reply: Reply, number: int) -> Answer:
    """Formats the reply, streamed if the request asks for it."""
    block = _block(reply, number)
    stop = "tool_use" if isinstance(reply, Call) else "end_turn"
    message = {"id": f"msg_{number:06}", "type": "message", "role": "assistant", "model": body.get("model")}
    message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE}
    if not body.get("stream"):
        return Answer(message | {"content": [block], "stop_reason": stop})
    end = {"delta": {"stop_reason": stop, "stop_sequence": None}, "usage": USAGE}
    return Answer(
        events=(
            _event("message_start", message=message),
            _event("content_block_start", index=0, content_block=_empty(block)),
            _event("content_block_delta", index=0, delta=_delta(reply)),
            _event("content_block_stop", index=0),
            _event("message_delta", **end),
            _event("message_stop"),
        )
    )


def _event(kind: str, **fields: Any) -> tuple[str, Any]:
    return kind, {"type": kind, **fields}


def _block(reply: Reply, number: int) -> dict[str, Any]:
    if isinstance(reply, Call):
        return {"type": "tool_use", "id": f"toolu_{number:06}", "name": reply.tool, "input": reply.arguments}
    return {"type": "text", "text": reply.text}


def _empty(block: dict[str, Any]) -> dict[str, Any]:
    return {**block, "input": {}} if block["type"] == "tool_use" else {**block, "text": ""}


def _delta(reply: Reply) -> dict[str, Any]:
    if isinstance(reply, Call):
        return {"type": "input_json_delta", "partial_json": json.dumps(reply.arguments)}
    return {"type": "text_delta", "text": reply.text}
