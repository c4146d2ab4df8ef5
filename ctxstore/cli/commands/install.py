"""The command ``ctx install``."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count
from ctxstore.cli.render.output import Output, Styled, dim
from ctxstore.cli.start import AGENTS

if TYPE_CHECKING:
    from ctxstore.integrations.settings.plan import SettingsChange, SettingsPlan

COLORS = {"+": "green", "-": "red", "@": "cyan"}


@click.command()
@click.argument("agent", required=False, type=click.Choice(AGENTS))
@click.option("--dry-run", is_flag=True, help="Show the changes to the settings, and write nothing.")
@common_options
@pass_invocation
def command(invocation: Invocation, agent: str | None, dry_run: bool) -> None:
    """Make an agent save its sessions automatically. Without AGENT, list the installed agents.

    Adds hooks that call this ctx to the agent's settings, and changes nothing else. The hooks save to the repository
    given by --repo, or else to your own. `ctx uninstall` removes them.

    For agents without hooks use `ctx watch`, and for aider `ctx aider`.
    """
    from ctxstore.integrations.install import plan_install

    if agent is None:
        _list(invocation)
        return
    if invocation.repo is not None:
        with invocation.open():  # a repository that cannot be opened would make every hook fail
            pass
    plan = plan_install(setup_of(agent, invocation), os.environ)
    finish(invocation.output, plan, dry_run)
    if not plan.is_empty and not dry_run:
        for note in plan.notes:
            invocation.output.note(note)
        invocation.output.note("Run `ctx snapshot` now to save existing sessions before the agent deletes old ones.")


def setup_of(agent: str, invocation: Invocation) -> Any:
    """Returns the agent's setup: its settings files, with hooks that call this ctx."""
    from ctxstore.integrations.install import HookProgram
    from ctxstore.integrations.supported_agents import find_ctx, get_setup

    repo = os.path.abspath(invocation.repo) if invocation.repo else None
    return get_setup(agent, HookProgram(find_ctx(sys.argv[0]), repo), os.environ)


def finish(output: Output, plan: SettingsPlan, dry_run: bool) -> None:
    """Shows a plan and, unless it is a dry run, executes it."""
    changes = [change for change in plan.changes if change.verb != "keep"]
    for change in changes if not output.json else ():
        _show(output, change)
    if not dry_run:
        plan.execute()
    if output.json:
        files = [{"path": each.path, "change": each.verb, "diff": each.diff()} for each in changes]
        output.value({"agent": plan.agent, "dry_run": dry_run, "files": files, "notes": list(plan.notes)})
    elif not changes:
        output.report("Nothing to change.")
    else:
        output.report("Dry run: nothing was changed." if dry_run else f"Changed {format_count(len(changes), 'file')}.")


def _show(output: Output, change: SettingsChange) -> None:
    output.report(Styled(f"{change.verb:<7}", "bold"), change.path)
    for line in change.diff()[2:] if change.verb == "edit" else ():
        output.report("  ", Styled(line, COLORS.get(line[:1], "")))


def _list(invocation: Invocation) -> None:
    """Lists the agents, and warns of the last failure of a hook."""
    from ctxstore.cli.hook_failures import find_failure, warn_of_failure
    from ctxstore.integrations.settings.receipt import receipt_path

    output = invocation.output
    found = {agent: os.path.exists(receipt_path(agent, os.environ)) for agent in AGENTS}
    if output.json:
        from ctxstore.cli.render.json import iso_time

        failure = find_failure()
        value = failure and {**failure._asdict(), "time": iso_time(failure.time), "time_ns": failure.time}
        output.value({"agents": found, "failure": value})
        return
    for agent, is_installed in found.items():
        output.line(f"{agent:<12} ", "installed" if is_installed else dim(f"not installed: ctx install {agent}"))
    warn_of_failure(output)
