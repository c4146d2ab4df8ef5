"""The content of a message → its parts: Anthropic's blocks, and those of the AI SDK that are others."""

from __future__ import annotations

import re
from typing import Any

from ctxstore.sources.content import TOOL_RESULT, is_tool_answer, parts_of, plain_text
from ctxstore.sources.protocol import Part

__all__ = ["is_answer", "parts"]

_ANSWERS = ("tool-result", TOOL_RESULT)
_WRITTEN_ANSWER = re.compile(r"\[\w+( for [^\n]*)?\] Result:")
"""How a tool's answer begins when it is sent as text."""


def parts(content: Any) -> tuple[Part, ...]:
    """The parts of a ``content``: a text, or a list of blocks."""
    if not isinstance(content, list):
        return parts_of(content)
    return tuple(part for block in content for part in _parts_of_block(block))


def is_answer(content: Any) -> bool:
    """Whether the content begins with what a tool gave back: what follows it there the agent put in, not the user."""
    if is_tool_answer(content):
        return True
    if not isinstance(content, list) or not content:
        return False
    first = content[0]
    kind = _kind(first)
    return kind in _ANSWERS or (kind == "text" and bool(_WRITTEN_ANSWER.match(_string(first.get("text")))))


def _kind(block: Any) -> Any:
    return block.get("type") if isinstance(block, dict) else None


def _parts_of_block(block: Any) -> tuple[Part, ...]:
    kind = _kind(block)
    if kind == "tool-call":
        call, name = _string(block.get("toolCallId")), _string(block.get("toolName"))
        return (Part("tool_use", name=name, call=call, data=block.get("input")),)
    if kind == "tool-result":
        output = block.get("output")
        text = output if isinstance(output, str) else _value(output)
        call, name = _string(block.get("toolCallId")), _string(block.get("toolName"))
        return (Part(TOOL_RESULT, text, name, call, None if isinstance(output, str) else output),)
    if kind == "reasoning":
        return (Part("thinking", _string(block.get("text"))),)
    return parts_of([block])


def _value(output: Any) -> str:
    """The text of an AI SDK's ``{"type": "text", "value": …}``, or of a list of blocks."""
    if isinstance(output, dict):
        value = output.get("value")
        return value if isinstance(value, str) else plain_text(value)
    return plain_text(output)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
