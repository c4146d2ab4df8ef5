"""The command ``ctx completion``."""

from __future__ import annotations

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@common_options
@pass_invocation
def command(invocation: Invocation, shell: str) -> None:
    """Print the completion script for SHELL.

    To enable it in bash, add to ~/.bashrc: eval "$(ctx completion bash)"
    """
    from click.shell_completion import get_completion_class

    from ctxstore.cli.main import cli

    found = get_completion_class(shell)
    assert found is not None
    script = found(cli, {}, "ctx", "_CTX_COMPLETE").source()
    if invocation.output.json:
        invocation.output.value({"shell": shell, "script": script})
    else:
        click.echo(script)
