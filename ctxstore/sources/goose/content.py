"""The blocks of a message → parts."""

from __future__ import annotations

import json
from typing import Any

from ctxstore.sources.protocol import Part


def parts_of(content: Any) -> tuple[Part, ...]:
    """The parts of a list of blocks, or of a text."""
    if isinstance(content, str):
        return (Part("text", content),) if content else ()
    blocks = content if isinstance(content, list) else [] if content is None else [content]
    return tuple(map(_part_of, blocks))


def is_tool_answer(content: Any) -> bool:
    """Whether the content is only what tools gave back."""
    return isinstance(content, list) and bool(content) and all(_kind(block) == "toolResponse" for block in content)


def _kind(block: Any) -> Any:
    return block.get("type") if isinstance(block, dict) else None


def _part_of(block: Any) -> Part:
    kind = _kind(block)
    if kind == "text":
        return Part("text", _string(block.get("text")))
    if kind == "thinking":
        return Part("thinking", _string(block.get("thinking")))
    if kind in ("toolRequest", "frontendToolRequest"):
        call = _value(block.get("toolCall"))
        call = call if isinstance(call, dict) else {}
        return Part(
            "tool_use", name=_string(call.get("name")), call=_string(block.get("id")), data=call.get("arguments")
        )
    if kind == "toolResponse":
        return _result(block)
    return Part("image" if kind == "image" else "other", data=block)


def _result(block: dict[str, Any]) -> Part:
    outcome = block.get("toolResult")
    found = _value(outcome)
    content = found.get("content") if isinstance(found, dict) else found
    failed = isinstance(outcome, dict) and (outcome.get("status") == "error" or _is_error(found))
    if failed and content is None and isinstance(outcome, dict):
        content = outcome.get("error")
    texts = (
        [_string(each.get("text")) for each in content if _kind(each) == "text"] if isinstance(content, list) else []
    )
    text = "\n".join(texts) if isinstance(content, list) else _string(content)
    if not text and content and not isinstance(content, str):
        text = json.dumps(content, ensure_ascii=False)
    return Part("tool_result", text, call=_string(block.get("id")), data=content, error=failed)


def _value(outcome: Any) -> Any:
    return outcome.get("value") if isinstance(outcome, dict) and "status" in outcome else outcome


def _is_error(found: Any) -> bool:
    return isinstance(found, dict) and bool(found.get("isError") or found.get("is_error"))


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
