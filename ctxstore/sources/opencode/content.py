"""The data of a part → parts as everybody has them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ctxstore.sources.protocol import Part


def parts_of(data: dict[str, Any]) -> Iterator[Part]:
    """What a row of ``part`` says. A tool's call and its result are one row."""
    kind = data.get("type")
    if kind == "text":
        yield Part("text", _string(data.get("text")))
    elif kind == "reasoning":
        yield Part("thinking", _string(data.get("text")))
    elif kind == "tool":
        yield from _tool(data)
    elif kind == "file":
        image = _string(data.get("mime")).startswith("image/")
        yield Part("image" if image else "other", _string(data.get("filename")), data=data)
    else:
        yield Part("other", data=data)


def parts_of_later(data: dict[str, Any]) -> tuple[Part, ...]:
    """What a row of ``session_message`` says."""
    content = data.get("content")
    found = [Part("text", data["text"])] if isinstance(data.get("text"), str) else []
    for block in content if isinstance(content, list) else []:
        found += parts_of({"tool": block.get("name"), "callID": block.get("id"), **block}) if _is(block) else []
    return tuple(found)


def _is(value: Any) -> bool:
    return isinstance(value, dict)


def _tool(data: dict[str, Any]) -> Iterator[Part]:
    state = data.get("state")
    state = state if isinstance(state, dict) else {}
    call = _string(data.get("callID"))
    yield Part("tool_use", name=_string(data.get("tool")), call=call, data=state.get("input"))
    status = state.get("status")
    if status in ("completed", "error"):
        result = state.get("output") if status == "completed" else state.get("error")
        if result is None:
            result = state.get("content")  # of the later form
        text = result if isinstance(result, str) else "" if result is None else json.dumps(result, ensure_ascii=False)
        yield Part("tool_result", text, call=call, error=status == "error")


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
