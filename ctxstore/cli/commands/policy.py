"""The command ``ctx policy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.policy_options import parse_policy, policy_options
from ctxstore.cli.render.output import Output, dim
from ctxstore.errors import InvalidInput

if TYPE_CHECKING:
    from ctxstore import AutomaticPolicy, Repo


@click.group(invoke_without_command=True)
@common_options
@click.pass_context
def command(ctx: click.Context) -> None:
    """Name retention policies for `ctx forget --policy`. Without a subcommand, list them."""
    if ctx.invoked_subcommand is None:
        invocation = ctx.ensure_object(Invocation)
        with invocation.open() as repo:
            _list(invocation.output, repo)


@command.command("set")
@click.argument("name")
@policy_options
@common_options
@pass_invocation
def set_(invocation: Invocation, /, name: str, **options: Any) -> None:
    """Define the policy NAME by retention rules, or replace it. `ctx undo` reverses the change."""
    from ctxstore.ops.retention.named_policies import encode_policy
    from ctxstore.ops.retention.policy import describe

    policy = parse_policy(options)
    if policy is None:
        raise InvalidInput("no retention rule given", hint=f"for example `ctx policy set {name} --keep-last 10`")
    with invocation.open() as repo:
        is_changed = repo.set_policy(name, policy)
    if invocation.output.json:
        invocation.output.value({"name": name, "rules": encode_policy(policy), "changed": is_changed})
    invocation.output.report(f"{name}: {describe(policy)}", "" if is_changed else " (unchanged)")


@command.command("remove")
@click.argument("name")
@common_options
@pass_invocation
def remove_policy(invocation: Invocation, name: str) -> None:
    """Remove the policy NAME. `ctx undo` restores it."""
    with invocation.open() as repo:
        repo.remove_policy(name)
    if invocation.output.json:
        invocation.output.value({"name": name, "removed": True})
    invocation.output.report(f"Removed the policy {name}.")


@command.command(short_help="Apply a policy after each snapshot.")
@click.argument("name", required=False)
@click.argument("pattern", required=False, default="")
@click.option("--off", is_flag=True, help="Stop applying policies after snapshots.")
@common_options
@pass_invocation
def auto(invocation: Invocation, name: str | None, pattern: str, off: bool) -> None:
    """Apply the policy NAME after each snapshot, to all contexts or to those that match PATTERN."""
    if off is (name is not None):
        raise InvalidInput("give either a policy name or --off", hint="`ctx policy auto session-backup`")
    with invocation.open() as repo:
        if name is None:
            repo.stop_retention()
        else:
            repo.set_retention(name, pattern)
        found = repo.retention()
    if invocation.output.json:
        invocation.output.value({"automatic": [each._asdict() for each in found]})
    for line in _automatic_lines(found):
        invocation.output.report(line)


def _automatic_lines(found: list[AutomaticPolicy]) -> list[str]:
    """Describes automatic retention, one line per rule."""
    if not found:
        return ["No automatic retention: snapshots never delete anything."]
    return [f"After each snapshot: policy {policy} for {pattern or 'all contexts'}" for pattern, policy in found]


def _list(output: Output, repo: Repo) -> None:
    from ctxstore.ops.retention.named_policies import encode_policy
    from ctxstore.ops.retention.policy import describe

    policies, automatic = list(repo.policies()), repo.retention()
    if output.json:
        output.value(
            {
                "policies": [
                    {"name": name, "rules": encode_policy(policy), "built_in": is_built_in}
                    for name, policy, is_built_in in policies
                ],
                "automatic": [each._asdict() for each in automatic],
            }
        )
        return
    rows = [(each.name, "yes" if each.is_built_in else "", describe(each.policy)) for each in policies]
    output.table(("POLICY", "BUILT IN", "KEEPS"), rows)
    for line in _automatic_lines(automatic):
        output.note(dim(line))
