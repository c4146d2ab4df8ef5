"""``ctx rename``."""

from __future__ import annotations

import click

from ctxstore.cli.complete import complete_contexts
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.output import Styled, dim


@click.command()
@click.argument("old", shell_complete=complete_contexts)
@click.argument("new")
@common
@pass_invocation
def command(invocation: Invocation, old: str, new: str) -> None:
    """Give the context OLD the name NEW. Its commits stay as they are."""
    output = invocation.output
    with invocation.open() as repo:
        stored = repo.rename(old, new)
    if output.json:
        output.value({"old": old, "new": new, "commit": stored.id.hex()})
    output.report(f"{old} is {new} now, at commit ", Styled(stored.id.hex()[:8], "yellow"))
    if stored.commit.source and stored.commit.ref == old:
        output.report(dim(f"An agent writes it: the next snapshot that finds its files makes {old} anew."))
