"""The command ``ctx merge``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count
from ctxstore.cli.render.output import Output, Styled, dim
from ctxstore.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from ctxstore import MergeConflict, Merged

CHOICES = ("ours", "theirs", "both")


@click.command()
@click.argument("ours", metavar="A", shell_complete=complete_refs)
@click.argument("theirs", metavar="B", shell_complete=complete_refs)
@click.option("--into", metavar="REF", required=True, help="The target: a new context, or one whose head is A or B.")
@click.option("--ours", "choices", flag_value="ours", multiple=True, help="In conflicts, keep A's side.")
@click.option("--theirs", "choices", flag_value="theirs", multiple=True, help="In conflicts, keep B's side.")
@click.option("--both", "choices", flag_value="both", multiple=True, help="In conflicts, keep both sides; exit with 0.")
@click.option("--note", "-m", default="", help="A note for the log.")
@common_options
@pass_invocation
def command(invocation: Invocation, ours: str, theirs: str, into: str, choices: tuple[str, ...], note: str) -> int:
    """Merge the revisions A and B into the context REF: messages, memories and files.

    By default, conflicts keep both sides, and the exit code is 4. --ours, --theirs and --both resolve them.
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
    from ctxstore.cli.render.json import stored_commit_value

    return {
        "ref": merged.ref,
        "commit": stored_commit_value(merged.stored),
        "base": merged.base.hex() if merged.base else None,
        "fast_forward": merged.is_fast_forward,
        "op": merged.op.hex() if merged.op else None,
        "conflicts": [{**conflict._asdict(), "copy": conflict.copy or None} for conflict in merged.conflicts],
    }


def _show(output: Output, merged: Merged, *, is_decided: bool) -> None:
    id, commit = merged.stored
    name = Styled(id.hex()[:8], "yellow")
    if merged.op is None:
        output.report(f"Nothing to merge: {merged.ref} at commit ", name, " contains both.")
        return
    if merged.is_fast_forward:
        output.report(f"Fast-forwarded {merged.ref} to commit ", name, ", which contains both.")
    else:
        summary = commit.summary
        amounts = [
            (summary.messages or 0, "message", ""),
            (summary.memories, "memory", "memories"),
            (summary.files, "file", ""),
        ]
        content = ", ".join(format_count(number, noun, plural) for number, noun, plural in amounts if number)
        output.report(f"Merged into {merged.ref}: commit ", name, f", {content or 'empty'}")
    for conflict in merged.conflicts:
        _show_conflict(output, conflict)
    if commit.source:
        when = " before the next snapshot, which saves the files on disk" if merged.ref == commit.ref else ""
        output.report(dim(f"To give the result to the agent, run `ctx checkout {merged.ref}`{when}."))
    if merged.conflicts and not is_decided:
        number = format_count(len(merged.conflicts), "conflict")
        output.note(f"{number}, both sides kept. Edit the result, or `ctx undo` and merge with --ours or --theirs.")


def _show_conflict(output: Output, conflict: MergeConflict) -> None:
    position = "" if conflict.at is None else f" at {conflict.at}"
    subject = f"{conflict.kind}{position}" if not conflict.name else f"{conflict.kind} {conflict.name}{position}"
    kept = f"; theirs is {conflict.copy}" if conflict.copy else ""
    output.line(
        Styled("conflict", "red"),
        f"  {subject}",
        dim(f"  ours: {conflict.ours}, theirs: {conflict.theirs}; kept: {conflict.kept}{kept}"),
    )
