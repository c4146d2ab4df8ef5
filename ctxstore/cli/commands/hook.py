"""``ctx hook``."""

from __future__ import annotations

import sys

import click

from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.start import AGENTS, ANSWERED, Hook, run_hook


@click.command()
@click.argument("agent", type=click.Choice(AGENTS))
@click.argument("event", required=False, default="")
@click.argument("payload", required=False)
@common
@pass_invocation
def command(invocation: Invocation, agent: str, event: str, payload: str | None) -> None:
    """What an agent calls on an EVENT; `ctx install` sets it up.

    The event is described by JSON, on stdin or as PAYLOAD. The session is saved by a process of its own; only before it
    is compacted, and when it ends, the agent waits for that, for some seconds at most. Always ends with 0: what went
    wrong is shown by `ctx install`.
    """
    data = payload.encode("utf-8", "replace") if payload is not None else None
    if event not in ANSWERED:
        run_hook(Hook(agent, event, invocation.repo, data))
        return
    from ctxstore.integrations.claude_code.slash import answer
    from ctxstore.integrations.hooks.start import read_payload

    sys.stdout.write(answer(read_payload(0) if data is None else data, invocation.repo))
