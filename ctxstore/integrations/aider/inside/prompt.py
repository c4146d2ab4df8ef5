"""What is said at aider's prompt. Nothing that was saved can drive the terminal, or fail to be printed."""

from __future__ import annotations

import calendar
import time
import unicodedata
from typing import Any

WIDTH = 70


def clean(text: str) -> str:
    """A text on one line that any terminal can show."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(char: str) -> str:
    if char in "\n\t":
        return " "
    code = ord(char)
    return char if unicodedata.category(char) == "Zs" else f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def cut(text: str, width: int = WIDTH) -> str:
    """The beginning of a text, on one line."""
    line = clean(" ".join(text[: 10 * width].split()))
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def count(number: int, what: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def local_time(text: str) -> str:
    """A backup's time on this clock, if it is UTC as ctxstore writes it; another tool's as found."""
    try:
        moment = calendar.timegm(time.strptime(text[:19] + text[-1:], "%Y-%m-%dT%H:%M:%SZ"))
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))
    except (ValueError, OverflowError, OSError):
        return cut(text, 30)


class Prompt:
    """aider's own ways to say something and to ask."""

    def __init__(self, io: Any) -> None:
        self._io = io

    def say(self, text: str) -> None:
        """A line."""
        self._io.tool_output(clean(text))

    def warn(self, text: str) -> None:
        """A line that something is not as it was saved."""
        self._io.tool_warning(clean(text))

    def fail(self, text: str, hint: str = "") -> None:
        """What could not be done, and the next step."""
        self._io.tool_error(clean(text))
        if hint:
            self._io.tool_output(clean(hint))

    def confirm(self, question: str, subject: str) -> bool:
        """Ask what needs a person's yes: --yes-always is none."""
        subject = "\n".join(map(clean, subject.split("\n")))
        return bool(self._io.confirm_ask(clean(question), subject=subject, default="n", explicit_yes_required=True))


def text_of(message: Any) -> str:
    """What a message says, for a list of them."""
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(text if isinstance(text, str) else "[image]" for text in texts)
    return content if isinstance(content, str) else ""
