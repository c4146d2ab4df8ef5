"""``ctx uninstall``."""

from __future__ import annotations

import os

import click

from ctxstore.cli.commands.install import finish, setup_of
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.start import AGENTS


@click.command()
@click.argument("agent", type=click.Choice(AGENTS))
@click.option("--dry-run", is_flag=True, help="Only show what would be changed.")
@common
@pass_invocation
def command(invocation: Invocation, agent: str, dry_run: bool) -> None:
    """Take out of an agent's settings what `ctx install` put there, and nothing else.

    What was saved stays.
    """
    from ctxstore.integrations.install import plan_uninstall

    finish(invocation.output, plan_uninstall(setup_of(agent, invocation), os.environ), dry_run)
