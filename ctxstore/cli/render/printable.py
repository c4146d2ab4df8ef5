"""Escapes stored text before printing, so that a transcript cannot control the terminal."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import sys
import unicodedata
from typing import TextIO

_CONTROLS = [*range(0x20), *range(0x7F, 0xA0)]
_DIRECTIONS = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
"""Characters that reorder text, so that a name or command can look like a different one."""

_LINE = {code: f"\\x{code:02x}" for code in _CONTROLS}
_LINE |= {code: f"\\u{code:04x}" for code in (*_DIRECTIONS, 0x2028, 0x2029)}
_LINE |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_TEXT = {code: escape for code, escape in _LINE.items() if chr(code) not in "\n\t"}

EXACT = "ctxstore-exact"


def clean_line(text: str) -> str:
    """Returns the text as one line, with control characters as escapes."""
    return text if text.isprintable() else text.translate(_LINE)


def clean_text(text: str) -> str:
    """Returns the text with control characters as escapes, except line breaks and tabs."""
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_TEXT)


def display_width(text: str) -> int:
    """Returns the number of columns that a text needs on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def truncate(text: str, width: int) -> str:
    """Shortens the text to at most `width` columns. A shortened text ends with ``…``."""
    if display_width(text) <= width:
        return text
    length = columns = 0
    for char in text:
        columns += _columns(char)
        if columns > width - 1:
            break
        length += 1
    return text[:length].rstrip() + "…"


def prepare_streams() -> None:
    """Prepares stdout and stderr for names that are not UTF-8: exact bytes in files and pipes, escapes on terminals."""
    codecs.register_error(EXACT, _exact)
    # A stream that was closed before the start (`ctx log >&-`) is None: its output is discarded.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - open until the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if is_terminal(stream) else EXACT)


def discard_stdout() -> None:
    """Redirects stdout to /dev/null after a failed write, so that the flush at exit cannot fail again."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_terminal(stream: TextIO | None) -> bool:
    """Whether the stream is a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _exact(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encodes names that are not UTF-8 as their exact bytes, and other lone surrogates as escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)
