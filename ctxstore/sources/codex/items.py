"""Converts a record to the parts of its message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ctxstore.sources.codex.records import AGENTS, COMPACTED, EVENT, ITEM
from ctxstore.sources.jsonl.lenient_json import DECODE_ERRORS
from ctxstore.sources.protocol import Part
from ctxstore.sources.summary import first_line

_IMAGES = frozenset({"input_image", "output_image", "image"})
_CALLS = {
    "function_call": ("", "arguments"),
    "custom_tool_call": ("", "input"),
    "tool_search_call": ("tool_search", "arguments"),
    "local_shell_call": ("local_shell", "action"),
    "web_search_call": ("web_search", "action"),
    "image_generation_call": ("image_generation", "revised_prompt"),
}
"""Of each kind of call: the tool's name where the call has none, and the field that holds its input."""

_REQUEST = "## My request for Codex:"
"""The line before the user's own text, where an editor put other text before it."""

_NOT_WRITTEN = (
    "# AGENTS.md instructions",
    "<INSTRUCTIONS>",
    "<apps_instructions>",
    "<collaboration_mode>",
    "<environment_context>",
    "<environments_instructions>",
    "<hook_prompt",
    "<instructions>",
    "<model_switch>",
    "<permissions instructions>",
    "<personality_spec>",
    "<plugins_instructions>",
    "<skill>",
    "<skills_instructions>",
    "<startup_context>",
    "<subagent_notification>",
    "<turn_aborted>",
    "<user_action>",
    "<user_instructions>",
    "<user_shell_command>",
    "<user_verification_notice>",
    "Another language model started to solve this problem",
    "Warning: apply_patch was requested via",
)
"""The starts of texts that Codex sends in the user's name."""


def parts_of(type: Any, payload: Any) -> tuple[Part, ...]:
    """Returns the parts of a record. An event has parts only if no item repeats its text."""
    if not isinstance(payload, dict):
        return ()
    if type == ITEM:
        return _item(payload)
    if type == EVENT:
        return _event(payload)
    if type == COMPACTED:
        text = Part("text", _string(payload.get("message")))
        history = payload.get("replacement_history")
        return (text,) if history is None else (text, Part("other", name="replacement_history", data=history))
    return _content(payload.get("content")) if type == AGENTS else ()


def texts_of(content: Any) -> list[str]:
    """Returns the texts in a message's content."""
    return [part.text for part in _content(content) if part.kind == "text"]


def _item(item: dict[str, Any]) -> tuple[Part, ...]:
    kind = item.get("type")
    if kind in ("message", "agent_message"):
        return _content(item.get("content"))
    if kind == "reasoning":
        return _reasoning(item)
    if isinstance(kind, str) and kind in _CALLS:
        name, field = _CALLS[kind]
        call = _string(item.get("call_id")) or _string(item.get("id"))
        data = _json(item.get(field)) if field == "arguments" else item.get(field)
        return (Part("tool_use", name=_string(item.get("name")) or name, call=call, data=data),)
    if isinstance(kind, str) and kind.endswith("_output"):
        return (_output(item),)
    return (Part("other", data=item),)


def _content(content: Any) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Part("text", content),) if content else ()
    if isinstance(content, list):
        return tuple(map(_block, content))
    return () if content is None else (Part("other", data=content),)


def _block(block: Any) -> Part:
    if not isinstance(block, dict):
        return Part("text", block) if isinstance(block, str) else Part("other", data=block)
    if isinstance(block.get("text"), str):
        return Part("text", block["text"])
    return Part("image" if block.get("type") in _IMAGES else "other", data=block)


def _reasoning(item: dict[str, Any]) -> tuple[Part, ...]:
    """Returns the parts of the model's thoughts. In most files they are encrypted, and have no text."""
    texts = [part.text for key in ("summary", "content") for part in _content(item.get(key)) if part.kind == "text"]
    return tuple(Part("thinking", text) for text in texts) or (Part("thinking"),)


def _output(item: dict[str, Any]) -> Part:
    """Returns a tool's answer: a text, blocks, or (in old files) ``{content, success}``."""
    output = item.get("output", item.get("tools"))
    failed = False
    if isinstance(output, dict):
        failed = output.get("success") is False
        output = output.get("content", output)
    text = output if isinstance(output, str) else "\n".join(p.text for p in _content(output) if p.kind == "text")
    data = None if isinstance(output, str) else output
    return Part("tool_result", text, call=_string(item.get("call_id")), data=data, error=failed)


def _event(event: dict[str, Any]) -> tuple[Part, ...]:
    kind = event.get("type")
    say = _EVENTS.get(kind) if isinstance(kind, str) else None
    text = say(event) if say else ""
    return (Part("text", text),) if text else ()


def undone_turns(payload: Any) -> int:
    """Returns the number of turns that a record undoes."""
    if not isinstance(payload, dict) or payload.get("type") != "thread_rolled_back":
        return 0
    count = payload.get("num_turns")
    return count if isinstance(count, int) and count > 0 else 0


def _rolled_back(event: dict[str, Any]) -> str:
    count = undone_turns(event)
    return f"[{count} turn{'' if count == 1 else 's'} undone]"


_EVENTS: dict[str, Callable[[dict[str, Any]], str]] = {
    "thread_rolled_back": _rolled_back,
    "thread_name_updated": lambda event: _string(event.get("thread_name")),
    "turn_aborted": lambda event: f"[turn aborted: {_string(event.get('reason')) or 'unknown reason'}]",
    "error": lambda event: _string(event.get("message")),
}


def _json(text: Any) -> Any:
    """Returns a call's arguments, which are JSON in a string. Arguments that cannot be decoded are returned
    unchanged."""
    if not isinstance(text, str):
        return text
    try:
        return msgspec.json.decode(text)
    except DECODE_ERRORS:
        return text


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def is_written(text: str) -> bool:
    """Whether the user wrote this text, not Codex in the user's name."""
    return bool(text) and not text.lstrip().startswith(_NOT_WRITTEN)


def title_of(texts: list[str]) -> str:
    """Returns the first of a message's texts that the user wrote, as a title. Returns an empty string if there is
    none."""
    if texts and not is_written(texts[0]) and texts[0].strip():
        return ""  # what follows in the same message belongs to it
    return first_line(map(request_of, texts)) or ""


def request_of(text: str) -> str:
    """Returns the user's own text from a message to which an editor added text in front."""
    _, found, request = text.partition(_REQUEST)
    return request if found and request.strip() else text
