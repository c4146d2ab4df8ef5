"""The content of a message as parts, and as text."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ctxstore.sources.content import string
from ctxstore.sources.gemini.records import GeminiLine
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.protocol import Part


def parts_of(line: GeminiLine) -> tuple[Part, ...]:
    """Returns the parts of a message in the order of their creation: thoughts, text, tools' calls and results."""
    parts = [*map(_thought, _list(line.thoughts)), *_content_parts(decode(line.said))]
    for call in _list(line.toolCalls):
        parts += _tool_parts(call)
    return tuple(parts)


def plain_text(content: Any) -> str:
    """Returns the text of a content, without its other parts."""
    return "\n".join(part.text for part in _content_parts(content) if part.kind == "text")


def decode(raw: msgspec.Raw) -> Any:
    """Returns the decoded value, or None if the bytes cannot be decoded."""
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except DECODE_ERRORS:
        pass
    try:
        return json.loads(bytes(raw).decode("utf-8", "replace"), strict=False)
    except DECODE_ERRORS:
        return None


def _list(raw: msgspec.Raw) -> list[Any]:
    value = decode(raw)
    return value if isinstance(value, list) else []


def _content_parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [Part("text", content)] if content else []
    if isinstance(content, list):
        return list(map(_part, content))
    return [] if content is None else [_part(content)]


def _part(piece: Any) -> Part:
    if isinstance(piece, str):
        return Part("text", piece)
    if not isinstance(piece, dict):
        return Part("other", data=piece)
    if isinstance(piece.get("text"), str):
        return Part("thinking" if piece.get("thought") else "text", piece["text"])
    call, response = piece.get("functionCall"), piece.get("functionResponse")
    if isinstance(call, dict):
        return Part("tool_use", name=string(call.get("name")), call=string(call.get("id")), data=call.get("args"))
    if isinstance(response, dict):
        return _result(string(response.get("id")), [piece], error=False)
    return Part("image" if "inlineData" in piece else "other", data=piece)


def _thought(thought: Any) -> Part:
    if not isinstance(thought, dict):
        return Part("thinking", string(thought))
    lines = (string(thought.get(key)) for key in ("subject", "description"))
    return Part("thinking", "\n".join(filter(None, lines)))


def _tool_parts(call: Any) -> list[Part]:
    if not isinstance(call, dict):
        return [Part("other", data=call)]
    id = string(call.get("id"))
    parts = [Part("tool_use", name=string(call.get("name")), call=id, data=call.get("args"))]
    if call.get("result") is not None:
        parts.append(_result(id, call["result"], error=call.get("status") in ("error", "cancelled")))
    return parts


def _result(call: str, result: Any, *, error: bool) -> Part:
    """Returns a tool's output as text. If the result contains more than text, it is also the part's data."""
    if isinstance(result, str):
        return Part("tool_result", result, call=call, error=error)
    texts = [_output(each) for each in result] if isinstance(result, list) else [_output(result)]
    return Part("tool_result", "\n".join(filter(None, texts)), call=call, data=result, error=error)


def _output(piece: Any) -> str:
    if not isinstance(piece, dict):
        return string(piece)
    response = piece.get("functionResponse")
    value = response.get("response") if isinstance(response, dict) else None
    if isinstance(value, dict):
        return string(value.get("output")) or string(value.get("error"))
    return string(piece.get("text"))
