"""The command ``ctx rename``."""

from __future__ import annotations

import click

from ctxstore.cli.complete import complete_contexts
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.output import Styled, dim


@click.command()
@click.argument("old", shell_complete=complete_contexts)
@click.argument("new")
@common_options
@pass_invocation
def command(invocation: Invocation, old: str, new: str) -> None:
    """Rename the context OLD to NEW. Its commits do not change."""
    output = invocation.output
    with invocation.open() as repo:
        stored = repo.rename(old, new)
    if output.json:
        output.value({"old": old, "new": new, "commit": stored.id.hex()})
    output.report(f"Renamed {old} to {new}, at commit ", Styled(stored.id.hex()[:8], "yellow"))
    if stored.commit.source and stored.commit.ref == old:
        output.report(dim(f"The next snapshot creates {old} again if the agent still has its files."))
