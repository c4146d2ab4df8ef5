"""``ctx drop``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_contexts
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.format import count, format_size
from ctxstore.cli.render.output import Output, Styled, dim

if TYPE_CHECKING:
    from ctxstore.history.transaction import Published
    from ctxstore.ops.refs.contexts_and_tags import DropPlan


@click.command()
@click.argument("refs", metavar="REF...", nargs=-1, required=True, shell_complete=complete_contexts)
@click.option("--dry-run", is_flag=True, help="Only list what would be dropped.")
@common
@pass_invocation
def command(invocation: Invocation, refs: tuple[str, ...], dry_run: bool) -> None:
    """Take contexts off the list; REF is a whole name or a glob. Their commits stay, and `ctx undo` restores them."""
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
    number = count(len(plan.contexts), "context")
    if published is None:
        output.report(f"Would drop {number}.")
        return
    output.report(f"Dropped {number}, op:{published.id.hex()[:8]}.")
    output.report(dim("`ctx undo` restores all of them, `ctx fork COMMIT NAME` one."))
    if any(commit.source and commit.ref == name for name, (_, commit) in plan.contexts):
        output.report(dim("Those an agent still has files of come back as new with the next snapshot."))
