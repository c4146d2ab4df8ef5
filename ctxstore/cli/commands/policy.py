"""``ctx policy``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.policy_options import policy_of, rules
from ctxstore.cli.render.output import Output, dim
from ctxstore.errors import InvalidInput

if TYPE_CHECKING:
    from ctxstore.ops.retention.named_policies import AutomaticPolicy
    from ctxstore.repo.repository import Repo


@click.group(invoke_without_command=True)
@common
@click.pass_context
def command(ctx: click.Context) -> None:
    """Give policies names, for `ctx forget --policy`; without a subcommand list them."""
    if ctx.invoked_subcommand is None:
        invocation = ctx.ensure_object(Invocation)
        with invocation.open() as repo:
            _list(invocation.output, repo)


@command.command("set")
@click.argument("name")
@rules
@common
@pass_invocation
def set_(invocation: Invocation, /, name: str, **options: Any) -> None:
    """Let NAME be a policy of these rules, in place of what it was. `ctx undo` takes it back."""
    from ctxstore.ops.retention.named_policies import encode_policy
    from ctxstore.ops.retention.policy import describe

    policy = policy_of(options)
    if policy is None:
        raise InvalidInput("what to keep is not said", hint=f"such as `ctx policy set {name} --keep-last 10`")
    with invocation.open() as repo:
        is_changed = repo.set_policy(name, policy)
    if invocation.output.json:
        invocation.output.value({"name": name, "rules": encode_policy(policy), "changed": is_changed})
    invocation.output.report(f"{name}: {describe(policy)}", "" if is_changed else "; as it was")


@command.command()
@click.argument("name")
@common
@pass_invocation
def remove(invocation: Invocation, name: str) -> None:
    """Take a policy away. `ctx undo` brings it back."""
    with invocation.open() as repo:
        repo.remove_policy(name)
    if invocation.output.json:
        invocation.output.value({"name": name, "removed": True})
    invocation.output.report(f"Removed {name}.")


@command.command(short_help="Let snapshots forget what a policy does not keep.")
@click.argument("name", required=False)
@click.argument("pattern", required=False, default="")
@click.option("--off", is_flag=True, help="Let snapshots forget nothing any more.")
@common
@pass_invocation
def auto(invocation: Invocation, name: str | None, pattern: str, off: bool) -> None:
    """After each snapshot, forget what the policy NAME does not keep: of all contexts, or those PATTERN matches."""
    if off is (name is not None):
        raise InvalidInput("give a policy's name, or --off", hint="`ctx policy auto session-backup`")
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
    """What snapshots forget, a line each."""
    if not found:
        return ["Snapshots forget nothing."]
    return [f"After snapshots: {policy} for {pattern or 'all contexts'}" for pattern, policy in found]


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
