"""A source's part of a report: a heading, and under it a number and names for each thing there is to say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, zip_longest

from ctxstore.cli.render.output import Styled, TextPiece, dim

SHOWN = 5
"""How many names are shown of each kind."""


Show = Callable[..., None]
"""Takes the `TextPiece`s of a line: `Output.line`, or `Output.report`."""


def show_fact(show: Show, word: str, number: int, *text: TextPiece, style: str = "") -> None:
    """A number, and what there is to say of it."""
    show(Styled(f"  {word:<10} {number:>5,}", style), *(("  ", *text) if text else ()))


def show_names(show: Show, word: str, style: str, names: Sequence[str], details: Iterable[str] = ()) -> None:
    """How many, and which: each with a detail under it, if there are any."""
    for index, (name, detail) in enumerate(zip_longest(names[:SHOWN], islice(details, SHOWN))):
        head = f"  {word:<10} {len(names):>5,}" if index == 0 else " " * 18
        show(Styled(head, style), "  ", name)
        if detail:
            show(" " * 22, dim(detail))
    if len(names) > SHOWN:
        show(f"{'':18}  … and {len(names) - SHOWN:,} more")
