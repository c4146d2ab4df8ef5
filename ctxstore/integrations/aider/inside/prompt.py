"""Prints at aider's prompt. Saved text is escaped, so that it cannot control the terminal or fail to print."""

from __future__ import annotations

import calendar
import time
import unicodedata
from typing import Any

WIDTH = 70


def clean(text: str) -> str:
    """Returns a text as one line, with control characters as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(char: str) -> str:
    if char in "\n\t":
        return " "
    code = ord(char)
    return char if unicodedata.category(char) == "Zs" else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def one_line(text: str, width: int = WIDTH) -> str:
    """Returns the beginning of a text as one line."""
    line = clean(" ".join(text[: 10 * width].split()))
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def format_count(number: int, noun: str) -> str:
    """Formats a number with its noun: ``1 file``, ``2 files``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def local_time(text: str) -> str:
    """Converts the timestamp of a backup to local time. Returns other tools' timestamps unchanged."""
    try:
        moment = calendar.timegm(time.strptime(text[:19] + text[-1:], "%Y-%m-%dT%H:%M:%SZ"))
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (ValueError, OverflowError, OSError):
        return one_line(text, 30)


class Prompt:
    """The output and questions of a command, by aider's own functions."""

    def __init__(self, io: Any) -> None:
        self._io = io

    def info(self, text: str) -> None:
        """Prints a line."""
        self._io.tool_output(clean(text))

    def warn(self, text: str) -> None:
        """Prints a warning."""
        self._io.tool_warning(clean(text))

    def error(self, text: str, hint: str = "") -> None:
        """Prints an error and the next step."""
        self._io.tool_error(clean(text))
        if hint:
            self._io.tool_output(clean(hint))

    def confirm(self, question: str, subject: str) -> bool:
        """Asks the user for confirmation. aider's option --yes-always does not confirm."""
        subject = "\n".join(map(clean, subject.split("\n")))
        return bool(self._io.confirm_ask(clean(question), subject=subject, default="n", explicit_yes_required=True))


def message_text(message: Any) -> str:
    """Returns the text of a message, with placeholders for images."""
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(text if isinstance(text, str) else "[image]" for text in texts)
    return content if isinstance(content, str) else ""
