"""``ctx forget``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.policy_options import policy_of, rules
from ctxstore.cli.render.format import count, format_time
from ctxstore.cli.render.ops import op_name
from ctxstore.cli.render.output import Output, Styled, bold, dim
from ctxstore.errors import InvalidInput
from ctxstore.ops.retention.duration import DAY

if TYPE_CHECKING:
    from ctxstore.ids import ObjectId
    from ctxstore.ops.retention.forget import ContextPlan, ForgetPlan, ForgetVerdict
    from ctxstore.ops.retention.policy import Policy

SHOWN_CONTEXTS = 20
SHOWN_VERDICTS = 12
"""Of each kind, for each context."""


@click.command()
@click.argument("patterns", metavar="[PATTERN]...", nargs=-1, shell_complete=complete_refs)
@click.option("--policy", "name", metavar="NAME", help="Use a policy that has a name; `ctx policy` lists them.")
@rules
@click.option("--dropped", is_flag=True, help="Instead, of what was dropped; ages count from then.")
@click.option("--dry-run", is_flag=True, help="Only say what would be forgotten.")
@common
@pass_invocation
def command(
    invocation: Invocation, /, patterns: tuple[str, ...], name: str | None, dropped: bool, dry_run: bool, **options: Any
) -> None:
    """Let go of old commits: of all contexts, or of those that PATTERN matches, a glob or a part of the name.

    What any rule keeps is kept. Heads, tagged commits and the last good state before a loss always are. `ctx undo`
    takes it back until `ctx gc` has freed the space.
    """
    policy = _policy(name, options)
    if "" in patterns:
        raise InvalidInput("a pattern is empty", hint="leave it out to mean all contexts")
    with invocation.open() as repo:
        op = None
        if dry_run:
            plan = repo.plan_forget(policy, *patterns, dropped=dropped)
        else:
            op, plan = repo.forget(policy, *patterns, dropped=dropped)
        waiting = repo.count_uncollected()
    if invocation.output.json:
        invocation.output.value(_value(plan, op, dry_run=dry_run) | {"newly_forgotten": waiting})
    elif not invocation.output.quiet:
        _show(invocation.output, plan, op)


def _policy(name: str | None, options: dict[str, Any]) -> Policy | str:
    policy = policy_of(options)
    if name is not None and policy is not None:
        raise InvalidInput("a policy and rules of your own don't go together", hint="give one of them")
    found = name if name is not None else policy
    if found is None:
        hint = "`ctx forget --policy session-backup`, or rules such as `ctx forget --keep-last 10 --keep-daily 7`"
        raise InvalidInput("what to keep is not said", hint=hint)
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
    concerned = [context for context in plan.contexts if context.forgotten]
    for context in concerned[:SHOWN_CONTEXTS]:
        _show_context(output, context, "dropped " if plan.basis.is_dropped else "")
    if len(concerned) > SHOWN_CONTEXTS:
        output.line(dim(f"… and {count(len(concerned) - SHOWN_CONTEXTS, 'context')} more"), "\n")
    if not plan.forgotten:
        output.line(f"Nothing to forget: {count(plan.kept, 'commit')} kept.")
    else:
        done = f"{count(plan.forgotten, 'commit')} of {count(len(concerned), 'context')}, keep"
        output.line(
            *([f"Forgot {done}ing {plan.kept:,}: ", op_name(op)] if op else [f"Would forget {done} {plan.kept:,}."])
        )
    if plan.basis.uses_ages and time.time_ns() - plan.basis.now > DAY:
        output.note(
            dim(f"Ages count from the newest run that saved or moved something: {format_time(plan.basis.now)}.")
        )
    if op:
        output.line(dim("`ctx gc` frees their space; until then `ctx undo` takes it back."))


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
