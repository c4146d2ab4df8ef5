"""The command ``ctx drop``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_contexts
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size
from ctxstore.cli.render.ops import op_name
from ctxstore.cli.render.output import Output, Styled, dim

if TYPE_CHECKING:
    from ctxstore import DropPlan, Published


@click.command()
@click.argument("refs", metavar="REF...", nargs=-1, required=True, shell_complete=complete_contexts)
@click.option("--dry-run", is_flag=True, help="List what would be dropped, and change nothing.")
@common_options
@pass_invocation
def command(invocation: Invocation, refs: tuple[str, ...], dry_run: bool) -> None:
    """Remove contexts from the list. REF is a full name or a glob.

    The commits stay in the repository, and `ctx undo` restores the contexts.
    """
    with invocation.open() as repo:
        plan = repo.plan_drop(*refs)
        published = None if dry_run else plan.execute()
    if invocation.output.json:
        invocation.output.value(_value(plan, published))
    else:
        _show(invocation.output, plan, published)


def _value(plan: DropPlan, published: Published | None) -> dict[str, Any]:
    return {
        "dry_run": published is None,
        "op": published.id.hex() if published else None,
        "dropped": [{"ref": name, "commit": stored.id.hex()} for name, stored in plan.contexts],
    }


def _show(output: Output, plan: DropPlan, published: Published | None) -> None:
    for name, (id, commit) in plan.contexts:
        output.report(Styled(id.hex()[:8], "yellow"), f"  {format_size(commit.summary.bytes):>10}  {name}")
    number = format_count(len(plan.contexts), "context")
    if published is None:
        output.report(f"Would drop {number}.")
        return
    output.report(f"Dropped {number}: ", op_name(published.id))
    output.report(dim("`ctx undo "), op_name(published.id), dim("` restores all of them; `ctx fork COMMIT NAME` one."))
    if any(commit.source and commit.ref == name for name, (_, commit) in plan.contexts):
        output.report(dim("The next snapshot adds a session again if the agent still has its files."))
