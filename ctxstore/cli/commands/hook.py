"""The command ``ctx hook``."""

from __future__ import annotations

import sys

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.start import AGENTS, ANSWERED, Hook, open_repo, run_hook


@click.command()
@click.argument("agent", type=click.Choice(AGENTS))
@click.argument("event", required=False, default="")
@click.argument("payload", required=False)
@common_options
@pass_invocation
def command(invocation: Invocation, agent: str, event: str, payload: str | None) -> None:
    """Handle an EVENT of an agent by saving the session. Agents call this command after `ctx install`.

    JSON on stdin, or PAYLOAD, describes the event. A separate process saves the session, so the agent does not wait.
    Exceptions: before compaction and at the end of a session, the agent waits for a few seconds at most.

    The exit code is always 0. `ctx install` shows the last failure.
    """
    data = payload.encode("utf-8", "replace") if payload is not None else None
    if event not in ANSWERED:
        run_hook(Hook(agent, event, invocation.repo, data))
        return
    from ctxstore.integrations.claude_code.slash import answer_command
    from ctxstore.integrations.hooks.start import read_payload

    sys.stdout.write(answer_command(read_payload(0) if data is None else data, invocation.repo, open_repo))
