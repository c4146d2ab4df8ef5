"""The content of a message → its parts, and whose it is."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from ctxstore.sources.gemini.records import GeminiElement, GeminiLine
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.protocol import Part

_ROLES = {"user": "user", "gemini": "assistant"}
_CONTEXT = ("<session_context>", "<hook_context>")
"""How texts begin that Gemini CLI puts into the user's mouth, and leaves out when it goes on from a session."""


class _Response(msgspec.Struct, gc=False):
    id: Any = None


class _Piece(msgspec.Struct, gc=False):
    text: Any = None
    functionResponse: _Response | None = None


class _Call(msgspec.Struct, gc=False):
    id: Any = None
    result: msgspec.Raw = msgspec.Raw(b"")


_NONE = (b"", b"null")
_pieces = msgspec.json.Decoder(list[_Piece])
_calls = msgspec.json.Decoder(list[_Call])


def role_of(element: GeminiElement, answered: frozenset[str]) -> str:
    """Whose message it is. What tools gave back is no message of its own if the calls in `answered` have it."""
    role = _ROLES.get(element.type, "meta") if isinstance(element.type, str) else "meta"
    if role != "user":
        return role
    try:
        pieces = _pieces.decode(element.content)
    except DECODE_ERRORS:  # a text
        text = decode(element.content)
        return "meta" if isinstance(text, str) and text.lstrip().startswith(_CONTEXT) else role
    if pieces and all(piece.functionResponse for piece in pieces):
        calls = {piece.functionResponse.id for piece in pieces if piece.functionResponse}
        return "meta" if calls <= answered else "tool"
    first = pieces[0].text if pieces else None
    return "meta" if isinstance(first, str) and first.lstrip().startswith(_CONTEXT) else role


def answered_by(element: GeminiElement) -> frozenset[str]:
    """The ids of the tool calls in a message that hold what the tools gave back."""
    if not element.toolCalls:
        return frozenset()
    try:
        calls = _calls.decode(element.toolCalls)
    except DECODE_ERRORS:
        return frozenset()
    return frozenset(call.id for call in calls if isinstance(call.id, str) and bytes(call.result) not in _NONE)


def parts_of(line: GeminiLine) -> tuple[Part, ...]:
    """The parts of a message, in the order they were made in: thoughts, text, tools' calls and results."""
    parts = [*map(_thought, _list(line.thoughts)), *_content_parts(decode(line.content))]
    for call in _list(line.toolCalls):
        parts += _tool_parts(call)
    return tuple(parts)


def plain_text(content: Any) -> str:
    """What a person reads of a content."""
    return "\n".join(part.text for part in _content_parts(content) if part.kind == "text")


def decode(raw: msgspec.Raw) -> Any:
    """The value, as far as it can be read."""
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
        return Part("tool_use", name=_string(call.get("name")), call=_string(call.get("id")), data=call.get("args"))
    if isinstance(response, dict):
        return _result(_string(response.get("id")), [piece], error=False)
    return Part("image" if "inlineData" in piece else "other", data=piece)


def _thought(thought: Any) -> Part:
    if not isinstance(thought, dict):
        return Part("thinking", _string(thought))
    lines = (_string(thought.get(key)) for key in ("subject", "description"))
    return Part("thinking", "\n".join(filter(None, lines)))


def _tool_parts(call: Any) -> list[Part]:
    if not isinstance(call, dict):
        return [Part("other", data=call)]
    id = _string(call.get("id"))
    parts = [Part("tool_use", name=_string(call.get("name")), call=id, data=call.get("args"))]
    if call.get("result") is not None:
        parts.append(_result(id, call["result"], error=call.get("status") in ("error", "cancelled")))
    return parts


def _result(call: str, result: Any, *, error: bool) -> Part:
    """What a tool gave back: its output as a text, and the whole where there is more to it."""
    if isinstance(result, str):
        return Part("tool_result", result, call=call, error=error)
    texts = [_output(each) for each in result] if isinstance(result, list) else [_output(result)]
    return Part("tool_result", "\n".join(filter(None, texts)), call=call, data=result, error=error)


def _output(piece: Any) -> str:
    if not isinstance(piece, dict):
        return _string(piece)
    response = piece.get("functionResponse")
    value = response.get("response") if isinstance(response, dict) else None
    if isinstance(value, dict):
        return _string(value.get("output")) or _string(value.get("error"))
    return _string(piece.get("text"))


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
