"""Stored text made safe to print: what is in a transcript must not drive the reader's terminal."""

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
"""They reorder what is shown, so that a name or a command can look like another."""

_LINE = {code: f"\\x{code:02x}" for code in _CONTROLS}
_LINE |= {code: f"\\u{code:04x}" for code in (*_DIRECTIONS, 0x2028, 0x2029)}
_LINE |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_TEXT = {code: escape for code, escape in _LINE.items() if chr(code) not in "\n\t"}

EXACT = "ctxstore-exact"


def clean_line(text: str) -> str:
    """The text on one line, control characters shown as escapes."""
    return text if text.isprintable() else text.translate(_LINE)


def clean_text(text: str) -> str:
    """The text with its line breaks and tabs, other control characters shown as escapes."""
    return text if text.isprintable() else text.replace("\r\n", "\n").translate(_TEXT)


def display_width(text: str) -> int:
    """Columns a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, ``…`` where it was cut."""
    if display_width(text) <= width:
        return text
    taken = columns = 0
    for char in text:
        columns += _columns(char)
        if columns > width - 1:
            break
        taken += 1
    return text[:taken].rstrip() + "…"


def prepare_streams() -> None:
    """Let any name be printed: into a file or pipe as the bytes it is, on a terminal as escapes."""
    codecs.register_error(EXACT, _exact)
    # Streams that were closed before the start (`ctx log >&-`) are None: what is said then goes nowhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - open until the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if is_terminal(stream) else EXACT)


def discard_stdout() -> None:
    """Nobody reads any more, or nothing can be written: the flush at exit must not fail as well."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees what is written there."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _exact(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode names that are not UTF-8 as the bytes they are, other lone surrogates as escapes."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("backslashreplace")(error)
