"""The output of a command: text for people, or JSON for programs."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TextIO

from ctxstore.cli.render.printable import clean_line, clean_text, display_width, is_terminal, truncate

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}

CONTENT_WIDTH = 60
"""The maximum width of a fitted column if stdout is not a terminal."""


class Styled(NamedTuple):
    """Text with a style for terminals: names from `_CODES`, separated by spaces."""

    text: str
    style: str


TextPiece = str | Styled


def bold(text: str) -> Styled:
    """Returns the text in bold."""
    return Styled(text, "bold")


def dim(text: str) -> Styled:
    """Returns the text dimmed."""
    return Styled(text, "dim")


class Output:
    """Prints text and JSON. All text passes `clean_line` or `clean_text` here, so no command can skip it.

    With `json`, stdout contains a single JSON value and no text. With `quiet`, reports and notes are suppressed.
    """

    def __init__(self) -> None:
        self.json = False
        self.quiet = False

    @property
    def is_terminal(self) -> bool:
        """Whether stdout is a terminal."""
        return is_terminal(sys.stdout)

    @property
    def width(self) -> int:
        """The width of the terminal in columns."""
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns
        except (OSError, ValueError):
            return 80

    def line(self, *pieces: TextPiece) -> None:
        """Prints a line on stdout."""
        _write(sys.stdout, pieces)

    def text(self, text: str, style: str = "", *, indent: str = "") -> None:
        """Prints a text of several lines on stdout."""
        for line in clean_text(text).split("\n"):
            sys.stdout.write(_styled(f"{indent}{line}".rstrip(), style, sys.stdout) + "\n")

    def report(self, *pieces: TextPiece) -> None:
        """Prints a line about the result of a command."""
        if not self.quiet and not self.json:
            self.line(*pieces)

    def note(self, *pieces: TextPiece) -> None:
        """Prints a line on stderr, for information."""
        if not self.quiet and not self.json:
            _write(sys.stderr, pieces)

    def warn(self, text: str) -> None:
        """Prints a warning on stderr, even with `quiet`."""
        if not self.json:
            _write(sys.stderr, (Styled("warning: ", "yellow"), text))

    def value(self, value: Any) -> None:
        """Prints the command's result as JSON."""
        import json

        indent = 2 if self.is_terminal else None
        sys.stdout.write(json.dumps(value, ensure_ascii=True, indent=indent) + "\n")

    def stream(self, pieces: Iterable[str]) -> None:
        """Prints JSON text that is generated in pieces."""
        for piece in pieces:
            sys.stdout.write(piece)

    def raw(self, blocks: Iterable[bytes]) -> None:
        """Writes bytes to stdout, unchanged."""
        sys.stdout.flush()
        for block in blocks:
            sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()

    def content(self, blocks: Iterable[bytes]) -> None:
        """Writes stored bytes to stdout: unchanged into a file or pipe, escaped on a terminal."""
        if not self.is_terminal:
            self.raw(blocks)
            return
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        for block in blocks:
            sys.stdout.write(clean_text(decoder.decode(block)))
        sys.stdout.write(clean_text(decoder.decode(b"", final=True)))

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "", fit: str = "") -> None:
        """Prints a table. `right` names the columns aligned right, and `fit` the column to truncate."""
        cells = [[clean_line(cell) for cell in row] for row in rows]
        lines = [list(header), *cells]
        widths = [max(display_width(line[i]) for line in lines) for i in range(len(header))]
        # A very long name may overflow its column: it must not widen the column of all other rows.
        widths[0] = min(widths[0], max(20, self.width // 2)) if self.is_terminal else widths[0]
        if fit:
            at = header.index(fit)
            room = self.width - sum(widths) + widths[at] - 2 * (len(widths) - 1)
            limit = max(20, room) if self.is_terminal else CONTENT_WIDTH
            widths[at] = min(widths[at], limit)
        for number, line in enumerate(lines):
            text = "  ".join(
                _aligned(truncate(cell, width) if name == fit else cell, width, name in right.split())
                for cell, width, name in zip(line, widths, header, strict=True)
            )
            self.line(Styled(text.rstrip(), "" if number else "bold"))


def _aligned(text: str, width: int, right: bool) -> str:
    space = " " * (width - display_width(text))
    return space + text if right else text + space


def _write(stream: TextIO, pieces: Sequence[TextPiece]) -> None:
    stream.write("".join(_rendered(piece, stream) for piece in pieces) + "\n")


def _rendered(piece: TextPiece, stream: TextIO) -> str:
    if isinstance(piece, Styled):
        return _styled(clean_line(piece.text), piece.style, stream)
    return clean_line(piece)


def _styled(text: str, style: str, stream: TextIO) -> str:
    if not style or not text or not has_color(stream):
        return text
    codes = ";".join(_CODES[name] for name in style.split())
    return f"\x1b[{codes}m{text}\x1b[0m"


def has_color(stream: TextIO) -> bool:
    """Whether text on the stream is coloured."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
