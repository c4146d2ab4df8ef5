"""The command ``ctx gc``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size
from ctxstore.cli.render.output import Output

if TYPE_CHECKING:
    from ctxstore import GcPlan, GcResult


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be freed, and change nothing.")
@click.option("--recompress", is_flag=True, help="Rewrite all packs with stronger compression; takes longer.")
@common_options
@pass_invocation
def command(invocation: Invocation, dry_run: bool, recompress: bool) -> None:
    """Delete unreachable objects and free their space. Reachable commits are never touched."""
    output = invocation.output
    with invocation.open() as repo, invocation.progress() as progress:
        if dry_run:
            plan, result = repo.plan_gc(recompress=recompress, progress=progress), None
        else:
            plan, result = None, repo.gc(recompress=recompress, progress=progress)
    if output.json:
        output.value({"dry_run": dry_run, **(_plan_value(plan) if plan else result._asdict() if result else {})})
    if plan:
        _show_plan(output, plan)
    if result:
        _show_result(output, result)


def _plan_value(plan: GcPlan) -> dict[str, Any]:
    names = ("live", "dead", "bytes_before", "remove", "rewrite", "litter", "frees")
    return {name: getattr(plan, name) for name in names}


def _show_plan(output: Output, plan: GcPlan) -> None:
    stored = f"{format_size(plan.bytes_before)} stored"
    output.report(f"{format_count(plan.live, 'object')} reachable, {plan.dead:,} unreachable, {stored}")
    output.report(
        f"Would delete {format_count(len(plan.remove), 'pack')}, rewrite {len(plan.rewrite):,}, delete "
        f"{format_count(len(plan.litter), 'leftover file')}, and free about {format_size(plan.frees)}."
    )


def _show_result(output: Output, result: GcResult) -> None:
    sizes = f"{format_size(result.bytes_before)} → {format_size(result.bytes_after)}"
    output.report(f"Freed {format_size(result.freed_now)} ({sizes}).")
    if result.reason:
        output.report(f"{format_size(result.freed_later)} more later: {result.reason}.")
