"""Converts values of agents' records, which may have any type, to texts and parts."""

from __future__ import annotations

from typing import Any

from ctxstore.sources.protocol import Part

TOOL_RESULT = "tool_result"


def string(value: Any) -> str:
    """Returns the value if it is a string, else an empty string."""
    return value if isinstance(value, str) else ""


def string_or_none(value: Any) -> str | None:
    """Returns the value if it is a string that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def objects(value: Any) -> list[dict[str, Any]]:
    """Returns the JSON objects in a list. A value that is not a list has none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def json_object(data: bytes | str) -> dict[str, Any]:
    """Returns the JSON object in `data`, or an empty one if `data` is not an object."""
    import json

    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def kind_of(block: Any) -> Any:
    """Returns the member ``type`` of a block, or None if it has none."""
    return block.get("type") if isinstance(block, dict) else None


def text_parts(text: Any) -> tuple[Part, ...]:
    """Returns a list with one part for the text, or an empty list for an empty text."""
    return (Part("text", text),) if isinstance(text, str) and text else ()


def parts_of(content: Any) -> tuple[Part, ...]:
    """Returns the parts of a member ``content`` in the form of Anthropic's API: a text, or a list of blocks."""
    if isinstance(content, list):
        return tuple(map(_part_of, content))
    return text_parts(content) if content is None or isinstance(content, str) else (Part("other", data=content),)


def is_tool_answer(content: Any) -> bool:
    """Whether the content consists of tools' results. Then the user did not write the record."""
    return isinstance(content, list) and bool(content) and all(kind_of(block) == TOOL_RESULT for block in content)


def plain_text(content: Any) -> str:
    """Returns the text of a content, without its other parts."""
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(part.text for part in map(_part_of, blocks) if part.kind == "text")


def _part_of(block: Any) -> Part:
    if not isinstance(block, dict):
        return Part("text", block) if isinstance(block, str) else Part("other", data=block)
    kind = block.get("type")
    if kind == "text":
        return Part("text", string(block.get("text")))
    if kind == "thinking":
        return Part("thinking", string(block.get("thinking")))
    if kind == "tool_use":
        return Part("tool_use", name=string(block.get("name")), call=string(block.get("id")), data=block.get("input"))
    if kind == TOOL_RESULT:
        return _tool_result(block)
    return Part("image" if kind == "image" else "other", data=block)


def _tool_result(block: dict[str, Any]) -> Part:
    content = block.get("content")
    data = None if isinstance(content, str) else content
    call, failed = string(block.get("tool_use_id")), bool(block.get("is_error"))
    return Part(TOOL_RESULT, plain_text(content), call=call, data=data, error=failed)
