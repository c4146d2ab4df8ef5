"""Prints facts about a source: a label, a number, and names or a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, zip_longest

from ctxstore.cli.render.output import Styled, TextPiece, dim

SHOWN = 5
"""The number of names shown under a label."""


Show = Callable[..., None]
"""Prints the `TextPiece`s of a line: `Output.line` or `Output.report`."""


def show_fact(show: Show, label: str, number: int, *text: TextPiece, style: str = "") -> None:
    """Prints a label, a number, and an optional text."""
    show(Styled(f"  {label:<10} {number:>5,}", style), *(("  ", *text) if text else ()))


def show_names(show: Show, label: str, style: str, names: Sequence[str], details: Iterable[str] = ()) -> None:
    """Prints a label, the number of names, and the names, each with an optional detail below it."""
    for index, (name, detail) in enumerate(zip_longest(names[:SHOWN], islice(details, SHOWN))):
        head = f"  {label:<10} {len(names):>5,}" if index == 0 else " " * 18
        show(Styled(head, style), "  ", name)
        if detail:
            show(" " * 22, dim(detail))
    if len(names) > SHOWN:
        show(f"{'':18}  … and {len(names) - SHOWN:,} more")
