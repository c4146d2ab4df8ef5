"""The export of a commit's conversation as Markdown, for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ctxstore.ops.content.conversation import iter_messages
from ctxstore.ops.content.view import View
from ctxstore.ops.export.values import is_json, iso_time
from ctxstore.sources.protocol import Message, Part

_TITLES = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}


def iter_markdown(view: View) -> Iterator[str]:
    """Yields a header, then every message with content whose role is user, assistant, system or tool."""
    yield from _header(view)
    for message in iter_messages(view):
        sections = list(filter(None, map(_part, message.parts)))
        if sections and message.role in _TITLES:
            yield _heading(message) + "".join(f"{section}\n\n" for section in sections)


def _header(view: View) -> Iterator[str]:
    commit = view.commit
    summary = commit.summary
    yield f"# {_one_line(summary.title or commit.ref)}\n\n"
    facts = {
        "context": _code(view.ref),
        "commit": _code(view.id.hex()),
        "time": iso_time(commit.time),
        "agent": summary.agent,
        "model": summary.model,
        "project": summary.project and _code(summary.project),
        "messages": summary.messages,
        "note": commit.note and _one_line(commit.note),
    }
    for name, value in facts.items():
        if value not in (None, ""):
            yield f"- {name}: {value}\n"
    yield "\n"


def _heading(message: Message) -> str:
    details = ", ".join(filter(None, (message.time, message.model)))
    return f"## {_TITLES[message.role]}{f' ({details})' if details else ''}\n\n"


def _part(part: Part) -> str:
    """Formats one part of a message. Returns an empty str for a part without content."""
    if part.kind == "text":
        return part.text
    if part.kind == "thinking" and part.text:
        return f"<details><summary>Thinking</summary>\n\n{part.text}\n\n</details>"
    if part.kind == "tool_use":
        return f"**{_one_line(part.name or 'Tool')}**\n\n{_data(part)}"
    if part.kind == "tool_result":
        return f"**{'Error' if part.error else 'Result'}**\n\n{_fenced(part.text)}"
    if part.kind == "image":
        return "*(image)*"
    return _data(part) if part.data is not None else ""


def _data(part: Part) -> str:
    if isinstance(part.data, str):
        return _fenced(part.data)
    if not is_json(part.data):
        return _fenced(part.text)
    return _fenced(json.dumps(part.data, ensure_ascii=False, indent=2), "json")


def _fenced(text: str, language: str = "") -> str:
    """Formats a code block, with a fence longer than any run of backticks in the text."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip(chr(10))}\n{fence}"


def _code(text: str) -> str:
    return f"`{_one_line(text).replace('`', chr(39))}`"


def _one_line(text: str) -> str:
    return " ".join(text.split())
