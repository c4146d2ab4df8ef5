"""The export of a commit's conversation as Markdown, for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from ctxstore.ops.content.conversation import iter_messages, iter_subagents
from ctxstore.ops.content.view import View
from ctxstore.ops.export.values import is_json, iso_time
from ctxstore.sources.protocol import Message, Part

_SUSPICIOUS = re.compile(
    r"(?:\A|[\r\n])[ \t]*(?:#{1,2}(?:\s|\Z)|=+[ \t]*(?:[\r\n]|\Z)|-+[ \t]*(?:[\r\n]|\Z)|<|`{3}|~{3})"
)
"""Lines that could begin a heading of the document, or a block that swallows the next one."""

_NEXT = "\n\n## Next\n"

_TITLES = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool"}


def iter_markdown(view: View) -> Iterator[str]:
    """Yields a header, then every message with content whose role is user, assistant, system or tool.

    The messages of subagents come last, below headings of their own.
    """
    yield from _header(view)
    yield from _conversation(iter_messages(view))
    for path, messages in iter_subagents(view):
        yield f"# Subagent {_code(path)}\n\n"
        yield from _conversation(messages)


def _conversation(messages: Iterable[Message]) -> Iterator[str]:
    for message in messages:
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
        "agent": summary.agent and _one_line(summary.agent),
        "model": summary.model and _one_line(summary.model),
        "project": summary.project and _code(summary.project),
        "messages": summary.messages,
        "note": commit.note and _one_line(commit.note),
    }
    for name, value in facts.items():
        if value not in (None, ""):
            yield f"- {name}: {value}\n"
    yield "\n"


def _heading(message: Message) -> str:
    details = ", ".join(_inert(_one_line(each)) for each in (message.time, message.model) if each)
    return f"## {_TITLES[message.role]}{f' ({details})' if details else ''}\n\n"


def _part(part: Part) -> str:
    """Formats one part of a message. Returns an empty str for a part without content."""
    if part.kind == "text":
        return _contained(part.text)
    if part.kind == "thinking" and part.text:
        return f"<details><summary>Thinking</summary>\n\n{_contained(part.text)}\n\n</details>"
    if part.kind == "tool_use":
        return f"**{_one_line(part.name or 'Tool')}**\n\n{_data(part)}"
    if part.kind == "tool_result":
        return f"**{'Error' if part.error else 'Result'}**\n\n{_fenced(part.text)}"
    if part.kind == "image":
        return "*(image)*"
    return _data(part) if part.data is not None else ""


def _contained(text: str) -> str:
    """Returns the text, as a quotation if its Markdown would change the document around it.

    A heading of the document's own levels would pass for another message, and an open fence or comment would swallow
    the messages that follow. In a quotation both end with it (CommonMark 0.31, 5.1).
    """
    if _SUSPICIOUS.search(text) is None or _is_contained(text):
        return text
    return "\n".join(f"> {line}".rstrip() for line in re.split("\r\n|\r|\n", text))


def _is_contained(text: str) -> bool:
    """Whether a document keeps its headings if this text stands in it."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(text + _NEXT)
    headings = [token for token in tokens if token.type == "heading_open" and token.level == 0]
    own = [token for token in headings if token.tag in ("h1", "h2")]
    return len(own) == 1 and tokens[-3] is own[0]


def _inert(text: str) -> str:
    """Returns the text of a heading without characters that could end it or begin a tag."""
    return text.replace("<", "").replace("`", "")


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
