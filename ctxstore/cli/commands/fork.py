"""The command ``ctx fork``."""

from __future__ import annotations

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.output import Styled


@click.command()
@click.argument("rev", shell_complete=complete_refs)
@click.argument("name")
@common_options
@pass_invocation
def command(invocation: Invocation, rev: str, name: str) -> None:
    """Create the context NAME, which starts at REV. Nothing is copied: both share the stored data."""
    output = invocation.output
    with invocation.open() as repo:
        stored = repo.fork(rev, name)
    if output.json:
        output.value({"ref": name, "commit": stored.id.hex()})
    output.report(f"Created {name} at commit ", Styled(stored.id.hex()[:8], "yellow"), f" of {stored.commit.ref}")
