"""Prints conversations: roles as headings, a tool call as one line, long output folded."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ctxstore import Message, Part
from ctxstore.cli.render.format import format_count, format_size
from ctxstore.cli.render.output import Output, Styled, bold, dim
from ctxstore.cli.render.printable import truncate

FOLDED_LINES = 10
"""Lines of a tool's output that are shown before the rest is folded."""
FOLDED_LINE = 400
"""Characters of an output line that are shown."""
TOOL_WIDTH = 120

_ROLES = {"user": "bold blue", "assistant": "bold green", "system": "bold yellow", "tool": "bold cyan"}

_MAIN_KEYS = ("command", "file_path", "path", "pattern", "query", "url", "prompt", "description")
"""The keys of a tool's input that summarize the call, best first."""


class ConversationPrinter:
    """Prints messages one at a time. With `full`, nothing is folded or skipped."""

    def __init__(self, output: Output, *, full: bool) -> None:
        self._output = output
        self._full = full
        self._hidden = 0
        self._model: str | None = None

    def show(self, messages: Iterable[Message]) -> None:
        """Prints the messages, then the number of skipped records."""
        for message in messages:
            self._message(message)
        if self._hidden:
            self._output.line()
            records = format_count(self._hidden, "record")
            self._output.line(dim(f"{records} without text not shown (--full shows them)"))

    def _message(self, message: Message) -> None:
        if not self._full and not (message.role in _ROLES and any(map(_has_content, message.parts))):
            self._hidden += 1
            return
        output = self._output
        output.line()
        model = message.model if message.model != self._model else None
        self._model = message.model or self._model
        origin = "inherited" if message.is_inherited else ""
        details = "  ".join(filter(None, (short_time(message.time), model, origin)))
        output.line(Styled(message.role, _ROLES.get(message.role, "dim")), dim(f"  {details}" if details else ""))
        for part in message.parts:
            self._part(part)
        if not any(map(_has_content, message.parts)):
            size = format_size(len(message.raw))
            output.line(dim(f"  {truncate(preview(message), TOOL_WIDTH)} ({size})"))

    def _part(self, part: Part) -> None:
        if part.kind == "text":
            self._output.text(part.text.strip("\n"), indent="  ")
        elif part.kind == "thinking":
            self._fold(part.text, "dim", mark="  ~ ")
        elif part.kind == "tool_use":
            call = part_preview(part) if not self._full else f"{part.name}\n{_pretty(part.data)}"
            self._block(call, "cyan", mark="  > ")
        elif part.kind == "tool_result":
            self._fold(part.text, "red" if part.error else "dim", mark="  | ")
        elif _has_content(part):
            self._output.line(dim(f"  [{part.kind}] {'' if part.kind == 'image' else _compact(part.data)}".rstrip()))

    def _fold(self, text: str, style: str, mark: str) -> None:
        text = text.strip("\n")
        if self._full or not text:
            if text:
                self._block(text, style, mark)
            return
        shown, more = fold(text)
        self._block("\n".join(shown), style, mark)
        if more:
            self._output.line(dim(f"{mark}… {more}"))

    def _block(self, text: str, style: str, mark: str) -> None:
        self._output.text(text, style, indent=mark)


def fold(text: str) -> tuple[list[str], str]:
    """Returns the first lines of a text, and a note on the rest: ``12 more lines``, or an empty string."""
    lines = text.split("\n")
    shown = lines[:FOLDED_LINES] if len(lines) > FOLDED_LINES + 1 else lines
    more = len(lines) - len(shown)
    return [_fold_line(line) for line in shown], format_count(more, "more line") if more else ""


def _fold_line(line: str) -> str:
    remaining = len(line) - FOLDED_LINE
    return f"{line[:FOLDED_LINE]} … {format_count(remaining, 'more character')}" if remaining > 0 else line


def _has_content(part: Part) -> bool:
    return bool(part.text.strip() or part.name or part.data is not None)


def preview(message: Message) -> str:
    """Returns the first part with content as one line, or else the start of the raw record."""
    text = next((part_preview(part) for part in message.parts if _has_content(part)), "")
    return text or " ".join(message.raw[:400].decode("utf-8", "backslashreplace").split())


def part_preview(part: Part) -> str:
    """Returns a part as one line."""
    if part.kind == "tool_use":
        return truncate(f"{part.name} {_main_input(part.data)}".strip(), TOOL_WIDTH)
    text = part.text or (_compact(part.data) if part.kind != "image" else "[image]")
    return " ".join(text[: 10 * TOOL_WIDTH].split())


def _main_input(data: Any) -> str:
    if isinstance(data, dict):
        for key in _MAIN_KEYS:
            if isinstance(data.get(key), str):
                return " ".join(data[key][: 10 * TOOL_WIDTH].split())
    return _compact(data) if data not in (None, {}, "") else ""


def _compact(data: Any) -> str:
    return data if isinstance(data, str) else _dump(data, None)


def _pretty(data: Any) -> str:
    return data if isinstance(data, str) else _dump(data, 2)


def _dump(data: Any, indent: int | None) -> str:
    try:
        return json.dumps(data, ensure_ascii=False, indent=indent)
    except (TypeError, ValueError, RecursionError):
        return repr(type(data))


def short_time(text: str | None) -> str:
    """Converts an agent's timestamp to local time. Returns it unchanged if it is not ISO 8601."""
    try:
        moment = datetime.fromisoformat(text or "").timestamp()
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (ValueError, OverflowError, OSError):
        return text or ""


def header(output: Output, fields: Iterable[tuple[str, object]]) -> None:
    """Prints names and values in two columns. Fields without a value are skipped."""
    shown = [(name, value) for name, value in fields if value is not None and value != ""]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        output.line(bold(f"{name:<{width}}"), f"  {value}")
