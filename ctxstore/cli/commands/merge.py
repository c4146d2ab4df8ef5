"""``ctx merge``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.format import count
from ctxstore.cli.render.output import Output, Styled, dim
from ctxstore.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from ctxstore.ops.merge.conflicts import MergeConflict
    from ctxstore.ops.merge.merge import Merged

CHOICES = ("ours", "theirs", "both")


@click.command()
@click.argument("ours", metavar="A", shell_complete=complete_refs)
@click.argument("theirs", metavar="B", shell_complete=complete_refs)
@click.option("--into", metavar="REF", required=True, help="A new context, or one that is at A or B.")
@click.option("--ours", "choices", flag_value="ours", multiple=True, help="Of conflicts, keep A's side.")
@click.option("--theirs", "choices", flag_value="theirs", multiple=True, help="Of conflicts, keep B's side.")
@click.option("--both", "choices", flag_value="both", multiple=True, help="Of conflicts, keep both: no exit code 4.")
@click.option("--note", "-m", default="", help="Why, for the log.")
@common
@pass_invocation
def command(invocation: Invocation, ours: str, theirs: str, into: str, choices: tuple[str, ...], note: str) -> int:
    """Merge A and B into REF: messages, memories and files, from what they have in common.

    Both sides of a conflict are kept, and the exit code is 4, unless --ours, --theirs or --both says what to do.
    """
    if len(set(choices)) > 1:
        raise InvalidInput("--ours, --theirs and --both exclude each other")
    with invocation.open() as repo:
        merged = repo.merge(ours, theirs, into=into, choice=choices[0] if choices else "both", note=note)
    if invocation.output.json:
        invocation.output.value(_value(merged))
    else:
        _show(invocation.output, merged, is_decided=bool(choices))
    return Conflict.exit_code if merged.conflicts and not choices else 0


def _value(merged: Merged) -> dict[str, Any]:
    from ctxstore.cli.render.json import stored_value

    return {
        "ref": merged.ref,
        "commit": stored_value(merged.stored),
        "base": merged.base.hex() if merged.base else None,
        "fast_forward": merged.is_fast_forward,
        "op": merged.op.hex() if merged.op else None,
        "conflicts": [{**conflict._asdict(), "copy": conflict.copy or None} for conflict in merged.conflicts],
    }


def _show(output: Output, merged: Merged, *, is_decided: bool) -> None:
    id, commit = merged.stored
    name = Styled(id.hex()[:8], "yellow")
    if merged.op is None:
        output.report(f"Nothing to merge: {merged.ref} is at commit ", name, ", which has both.")
        return
    if merged.is_fast_forward:
        output.report(f"{merged.ref} is at commit ", name, " now, which has both.")
    else:
        summary = commit.summary
        holds = [
            (summary.messages or 0, "message", ""),
            (summary.memories, "memory", "memories"),
            (summary.files, "file", ""),
        ]
        told = ", ".join(count(*each) for each in holds if each[0])
        output.report(f"Merged into {merged.ref}: commit ", name, f", {told or 'empty'}")
    for conflict in merged.conflicts:
        _show_conflict(output, conflict)
    if commit.source:
        when = "; do it before the next snapshot, which saves what is there" if merged.ref == commit.ref else ""
        output.report(dim(f"`ctx checkout {merged.ref}` lays it out for the agent{when}."))
    if merged.conflicts and not is_decided:
        number = count(len(merged.conflicts), "conflict")
        output.note(f"{number}, both sides kept. Edit what it became, or `ctx undo` and merge with --ours or --theirs.")


def _show_conflict(output: Output, conflict: MergeConflict) -> None:
    place = "" if conflict.at is None else f" at {conflict.at}"
    what = f"{conflict.kind}{place}" if not conflict.name else f"{conflict.kind} {conflict.name}{place}"
    kept = f"; theirs is {conflict.copy}" if conflict.copy else ""
    output.line(
        Styled("conflict", "red"),
        f"  {what}",
        dim(f"  ours: {conflict.ours}, theirs: {conflict.theirs}; kept: {conflict.kept}{kept}"),
    )
