"""The command ``ctx undo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count
from ctxstore.cli.render.ops import op_name, run_line, show_moves
from ctxstore.cli.render.output import Output, dim

if TYPE_CHECKING:
    from ctxstore import Published, UndoPlan


@click.command()
@click.argument("op", required=False)
@click.option("--dry-run", is_flag=True, help="Show what would be undone, and change nothing.")
@common_options
@pass_invocation
def command(invocation: Invocation, op: str | None, dry_run: bool) -> None:
    """Undo a run: the newest one that is not undone yet, or OP, an id from `ctx op log`.

    Undoing an undo redoes the run. Files on disk are never touched.
    """
    with invocation.open() as repo:
        plan = repo.plan_undo(op)
        published = None if dry_run else plan.execute()
    if invocation.output.json:
        invocation.output.value(_value(plan, published))
    else:
        _show(invocation.output, plan, published)


def _value(plan: UndoPlan, published: Published | None) -> dict[str, Any]:
    return {
        "dry_run": published is None,
        "op": published.id.hex() if published else None,
        "undoes": plan.id.hex(),
        "changes": [
            {"ref": ref, "old": old.hex() if old else None, "new": new.hex() if new else None}
            for ref, old, new in plan.moves
        ],
        "came_back": [id.hex() for id in plan.restored],
        "forgot": [id.hex() for id in plan.forgotten],
    }


def _show(output: Output, plan: UndoPlan, published: Published | None) -> None:
    output.report("Undone: " if published else "Would undo: ", *run_line(plan.id, plan.op))
    if not (output.quiet or output.json):
        show_moves(output, plan.moves)
    for number, verb in ((len(plan.restored), "restored"), (len(plan.forgotten), "forgotten again")):
        if number:
            output.report(f"  {format_count(number, 'commit')} {verb}")
    if any(None not in (old, new) and ":" not in ref for ref, old, new in plan.moves):
        output.report(dim("Files on disk are unchanged: `ctx checkout REF` restores them."))
    if published:
        output.report(dim("To redo: `ctx undo "), op_name(published.id), dim("`"))
