"""The command ``ctx forget``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.policy_options import parse_policy, policy_options
from ctxstore.cli.render.format import format_count, format_time
from ctxstore.cli.render.ops import op_name
from ctxstore.cli.render.output import Output, Styled, bold, dim
from ctxstore.errors import InvalidInput
from ctxstore.ops.retention.duration import DAY

if TYPE_CHECKING:
    from ctxstore import ContextPlan, ForgetPlan, ForgetVerdict, Policy
    from ctxstore.ids import ObjectId

SHOWN_CONTEXTS = 20
SHOWN_VERDICTS = 12
"""Commits shown as kept, and as forgotten, for each context."""


@click.command()
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=complete_refs)
@click.option("--policy", "name", metavar="NAME", help="Apply the policy NAME; `ctx policy` lists them.")
@policy_options
@click.option("--dropped", is_flag=True, help="Apply it to dropped contexts instead; age counts from the drop.")
@click.option("--dry-run", is_flag=True, help="Show what would be forgotten, and change nothing.")
@common_options
@pass_invocation
def command(
    invocation: Invocation, /, patterns: tuple[str, ...], name: str | None, dropped: bool, dry_run: bool, **options: Any
) -> None:
    """Remove old commits by a retention policy: in all contexts, or in those that match PATTERN.

    PATTERN is a full name or a glob. A commit is kept if any rule keeps it. Heads, tagged commits and the last
    good state before a loss are always kept. `ctx undo` restores the commits until `ctx gc` frees their space.
    """
    policy = _policy(name, options)
    if "" in patterns:
        raise InvalidInput("a pattern is empty", hint="omit the pattern to select all contexts")
    with invocation.open() as repo:
        op = None
        if dry_run:
            plan = repo.plan_forget(policy, *patterns, dropped=dropped)
        else:
            op, plan = repo.forget(policy, *patterns, dropped=dropped)
        uncollected = repo.count_uncollected()
    if invocation.output.json:
        invocation.output.value(_value(plan, op, dry_run=dry_run) | {"newly_forgotten": uncollected})
    elif not invocation.output.quiet:
        _show(invocation.output, plan, op)


def _policy(name: str | None, options: dict[str, Any]) -> Policy | str:
    policy = parse_policy(options)
    if name is not None and policy is not None:
        raise InvalidInput("--policy and retention rules exclude each other", hint="give one of them")
    found = name if name is not None else policy
    if found is None:
        hint = "`ctx forget --policy session-backup`, or rules such as `ctx forget --keep-last 10 --keep-daily 7`"
        raise InvalidInput("no retention rule given", hint=hint)
    return found


def _value(plan: ForgetPlan, op: ObjectId | None, *, dry_run: bool) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    return {
        "dry_run": dry_run,
        "op": op.hex() if op else None,
        "policy": plan.basis.policy,
        "now": iso_time(plan.basis.now),
        "now_ns": plan.basis.now,
        "kept": plan.kept,
        "forgotten": plan.forgotten,
        "contexts": [
            {"ref": ref, "commits": [_verdict_value(verdict) for verdict in verdicts]}
            for ref, verdicts in plan.contexts
        ],
    }


def _verdict_value(verdict: ForgetVerdict) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    return {
        "id": verdict.id.hex(),
        "time": iso_time(verdict.time),
        "time_ns": verdict.time,
        "keep": verdict.keep,
        "reason": verdict.reason,
    }


def _show(output: Output, plan: ForgetPlan, op: ObjectId | None) -> None:
    affected = [context for context in plan.contexts if context.forgotten]
    for context in affected[:SHOWN_CONTEXTS]:
        _show_context(output, context, "dropped " if plan.basis.is_dropped else "")
    if len(affected) > SHOWN_CONTEXTS:
        output.line(dim(f"… and {format_count(len(affected) - SHOWN_CONTEXTS, 'context')} more"), "\n")
    if not plan.forgotten:
        output.line(f"Nothing to forget: {format_count(plan.kept, 'commit')} kept.")
    else:
        amount = f"{format_count(plan.forgotten, 'commit')} in {format_count(len(affected), 'context')}"
        if op:
            output.line(f"Forgot {amount}, kept {plan.kept:,}: ", op_name(op))
        else:
            output.line(f"Would forget {amount} and keep {plan.kept:,}.")
    if plan.basis.uses_ages and time.time_ns() - plan.basis.now > DAY:
        output.note(
            dim(f"Age is measured from the newest run that saved or moved something: {format_time(plan.basis.now)}.")
        )
    if op:
        undo = dim("` restores the commits until `ctx gc` frees their space.")
        output.line(dim("`ctx undo "), op_name(op), undo)


def _show_context(output: Output, context: ContextPlan, event: str) -> None:
    kept = [verdict for verdict in context.verdicts if verdict.keep]
    output.line(bold(context.ref), dim(f"  {len(kept):,} kept, {len(context.forgotten):,} forgotten"))
    _show_verdicts(output, kept, Styled("keep  ", "green"), event)
    _show_verdicts(output, context.forgotten, Styled("forget", "red"), event)
    output.line()


def _show_verdicts(output: Output, verdicts: Sequence[ForgetVerdict], word: Styled, event: str) -> None:
    for verdict in verdicts[:SHOWN_VERDICTS]:
        id = Styled(verdict.id.hex()[:8], "yellow")
        output.line("  ", word, "  ", id, f"  {event}{format_time(verdict.time)}  {verdict.reason}")
    if len(verdicts) > SHOWN_VERDICTS:
        more = verdicts[SHOWN_VERDICTS:]
        output.line("  ", word, dim(f"  … {len(more):,} more, back to {format_time(more[-1].time)}"))
