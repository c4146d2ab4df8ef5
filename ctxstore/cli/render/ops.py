"""Prints runs and the refs that they moved."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ctxstore.cli.render.format import format_count, format_time
from ctxstore.cli.render.output import Output, Styled, TextPiece, dim

if TYPE_CHECKING:
    from ctxstore import Move, Op, Repo
    from ctxstore.ids import ObjectId

SHOWN_CHANGES = 5


def tag_names(repo: Repo) -> dict[ObjectId, list[str]]:
    """Returns the names of tags by commit."""
    found: dict[ObjectId, list[str]] = {}
    for name, stored in repo.tags():
        found.setdefault(stored.id, []).append(name)
    return found


def op_name(id: ObjectId) -> Styled:
    """Returns a run's short id in the form that commands accept: ``op:1a2b3c4d``."""
    return Styled(f"op:{id.hex()[:8]}", "yellow")


def run_line(id: ObjectId, op: Op) -> list[TextPiece]:
    """Formats a run as one line: id, time, command, number of changes, note."""
    return [
        op_name(id),
        f"  {format_time(op.time)}  {op.command:<8}  {_change_counts(op)}",
        *([f"  {op.note}"] if op.note else []),
    ]


def _change_counts(op: Op) -> str:
    """Counts the contexts, tags and settings that a run changed, or the commits that it forgot."""
    kinds = [ref.partition(":")[0] if ":" in ref else "context" for ref, _, _ in op.changes]
    counts = [(kind, kinds.count(kind)) for kind in ("context", "tag", "setting")]
    if not op.changes and "forgotten" in op.statistics:
        return format_count(op.statistics["forgotten"], "commit")
    return ", ".join(format_count(number, kind) for kind, number in counts if number) or "no contexts"


def show_changes(output: Output, op: Op, *, margin: str = "", limit: int | None = SHOWN_CHANGES) -> None:
    """Prints the refs that a run moved, one line each."""
    show_moves(output, op.changes[:limit], margin=margin)
    if limit is not None and len(op.changes) > limit:
        output.line(dim(f"{margin}  … {len(op.changes) - limit:,} more"))


def show_moves(
    output: Output, moves: Iterable[tuple[str, ObjectId | None, ObjectId | None] | Move], *, margin: str = ""
) -> None:
    """Prints refs with their old and new commits, one line each."""
    for ref, old, new in moves:
        before, after = (id.hex()[:8] if id else "none" for id in (old, new))
        output.line(dim(f"{margin}  {before:>8} → {after:<8}  "), ref)
