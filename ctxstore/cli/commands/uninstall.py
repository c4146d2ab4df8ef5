"""The command ``ctx uninstall``."""

from __future__ import annotations

import os

import click

from ctxstore.cli.commands.install import finish, setup_of
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.start import AGENTS


@click.command()
@click.argument("agent", type=click.Choice(AGENTS))
@click.option("--dry-run", is_flag=True, help="Show the changes to the settings, and write nothing.")
@common_options
@pass_invocation
def command(invocation: Invocation, agent: str, dry_run: bool) -> None:
    """Remove what `ctx install` added to an agent's settings, and nothing else. Saved sessions are kept."""
    from ctxstore.integrations.install import plan_uninstall

    finish(invocation.output, plan_uninstall(setup_of(agent, invocation), os.environ), dry_run)
