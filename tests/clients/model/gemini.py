"""Google's generateContent and streamGenerateContent APIs, as Gemini CLI uses them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.clients.model.replies import Answer, Call, Reply, Turn, said

SURROUNDINGS = ("<session_context>", "This is the Gemini CLI.")
USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 5, "totalTokenCount": 15}
SPEAKER = json.dumps({"reasoning": "It is done.", "next_speaker": "user"})
"""The answer to a side request that asks who speaks next."""


def is_conversation(body: Any) -> bool:
    """Whether the request belongs to the session. A request for JSON is a side request."""
    config = body.get("generationConfig") or {}
    return bool(body.get("contents")) and config.get("responseMimeType") != "application/json"


def conversation(body: Any) -> list[Turn]:
    """Lists the turns, in order.

    After a resume, Gemini CLI repeats a tool's result, and repeats it again if the session began in another minute.
    Repetitions are dropped.
    """
    turns = [turn for content in body["contents"] for turn in _turns(content)]
    return [turn for at, turn in enumerate(turns) if turn.role != "result" or turns[at - 1] != turn]


def _turns(content: Any) -> Iterator[Turn]:
    role = "assistant" if content.get("role") == "model" else "user"
    for part in content.get("parts", []):
        if "functionCall" in part:
            yield Turn("call", part["functionCall"]["name"])
        elif "functionResponse" in part:
            yield Turn("result", json.dumps(part["functionResponse"].get("response")))
        else:
            yield from said(role, part.get("text", ""), SURROUNDINGS)


def answer(body: Any, reply: Reply, number: int) -> Answer:
    """Formats the reply as one document, which is also the only event of a stream."""
    del number
    text = reply.text if not isinstance(reply, Call) else ""
    if not is_conversation(body):
        text = SPEAKER
    part = (
        {"functionCall": {"name": reply.tool, "args": reply.arguments}} if isinstance(reply, Call) else {"text": text}
    )
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    document = {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "made-up"}
    return Answer(document, events=((None, document),))
