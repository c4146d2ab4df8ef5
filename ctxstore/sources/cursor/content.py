"""What a bubble, or a line of a transcript, says → parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from ctxstore.sources.protocol import Part


class Bubble(msgspec.Struct, gc=False):
    """What of a bubble is a message. May hold anything: formats change."""

    text: Any = None
    thinking: Any = None
    images: Any = None
    toolFormerData: Any = None
    createdAt: Any = None
    modelInfo: Any = None


def parts_of_bubble(bubble: Bubble) -> tuple[Part, ...]:
    """A bubble's parts. A tool's call and its result are one bubble."""
    return tuple(_parts(bubble))


def model_of(bubble: Bubble) -> str | None:
    """The model that a bubble names."""
    info = bubble.modelInfo
    return (_string(info.get("modelName")) or None) if isinstance(info, dict) else None


def parts_of_content(content: Any) -> tuple[Part, ...]:
    """The content of a line of a transcript: a text, or blocks."""
    if isinstance(content, str):
        return (Part("text", content),) if content else ()
    return tuple(map(_block, content)) if isinstance(content, list) else ()


def _parts(bubble: Bubble) -> Iterator[Part]:
    thinking = bubble.thinking
    thought = _string(thinking.get("text")) if isinstance(thinking, dict) else _string(thinking)
    if thought:
        yield Part("thinking", thought)
    if text := _string(bubble.text):
        yield Part("text", text)
    images = bubble.images
    for image in images if isinstance(images, list) else ():
        yield Part("image", data=image)
    tool = bubble.toolFormerData
    if isinstance(tool, dict) and tool:
        yield from _tool(tool)


def _tool(tool: dict[str, Any]) -> Iterator[Part]:
    call, name = _string(tool.get("toolCallId")), _string(tool.get("name"))
    given = tool.get("rawArgs") or tool.get("params")
    yield Part("tool_use", name=name, call=call, data=_decoded(given))
    status, result = tool.get("status"), tool.get("result") or tool.get("error")
    if result is not None or status in ("completed", "error", "cancelled"):
        text = result if isinstance(result, str) else "" if result is None else json.dumps(result, ensure_ascii=False)
        yield Part("tool_result", text, call=call, error=status == "error")


def _block(block: Any) -> Part:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        return Part("text", _string(block.get("text")))
    if kind in ("tool_use", "tool-call"):
        call = _string(block.get("id") or block.get("toolCallId"))
        name = _string(block.get("name") or block.get("toolName"))
        return Part("tool_use", name=name, call=call, data=block.get("input", block.get("args")))
    if kind in ("thinking", "reasoning"):
        return Part("thinking", _string(block.get("thinking") or block.get("text")))
    return Part("image" if kind == "image" else "other", data=block)


def _decoded(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
