"""The content of a message → its parts."""

from __future__ import annotations

from typing import Any

from ctxstore.sources.protocol import Part

TOOL_RESULT = "tool_result"


def parts_of(content: Any) -> tuple[Part, ...]:
    """The parts of a ``content``: a text, or a list of blocks."""
    if isinstance(content, str):
        return (Part("text", content),) if content else ()
    if isinstance(content, list):
        return tuple(map(_part_of, content))
    return () if content is None else (Part("other", data=content),)


def is_tool_answer(content: Any) -> bool:
    """Whether the content is only what tools gave back: the line is then no user's."""
    return (
        isinstance(content, list)
        and bool(content)
        and all(isinstance(block, dict) and block.get("type") == TOOL_RESULT for block in content)
    )


def plain_text(content: Any) -> str:
    """What a person reads of a content: its text, without the rest."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(part.text for part in map(_part_of, blocks) if part.kind == "text")


def _part_of(block: Any) -> Part:
    if not isinstance(block, dict):
        return Part("text", block) if isinstance(block, str) else Part("other", data=block)
    kind = block.get("type")
    if kind == "text":
        return Part("text", _string(block.get("text")))
    if kind == "thinking":
        return Part("thinking", _string(block.get("thinking")))
    if kind == "tool_use":
        name, call = _string(block.get("name")), _string(block.get("id"))
        return Part("tool_use", name=name, call=call, data=block.get("input"))
    if kind == TOOL_RESULT:
        return _tool_result(block)
    return Part("image" if kind == "image" else "other", data=block)


def _tool_result(block: dict[str, Any]) -> Part:
    content = block.get("content")
    data = None if isinstance(content, str) else content
    call, failed = _string(block.get("tool_use_id")), bool(block.get("is_error"))
    return Part(TOOL_RESULT, plain_text(content), call=call, data=data, error=failed)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
