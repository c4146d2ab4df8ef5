"""The command ``ctx aider``."""

from __future__ import annotations

import os
import sys

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.errors import StorageError

_CTX_FLAGS = {"--json", "--quiet", "-q", "--help", "-h"}


class PassThrough(click.Command):
    """A command that parses its own leading options and passes all other arguments to another program."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = 0
        while at < len(args) and (args[at] in _CTX_FLAGS or args[at] == "--repo" or args[at].startswith("--repo=")):
            at += 2 if args[at] == "--repo" else 1
        rest = args[at + 1 :] if args[at : at + 1] == ["--"] else args[at:]
        return super().parse_args(ctx, [*args[:at], "--", *rest])


@click.command(cls=PassThrough)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[AIDER'S ARGUMENTS]...")
@common_options
@pass_invocation
def command(invocation: Invocation, arguments: tuple[str, ...]) -> None:
    """Run aider with the commands /context_backup, /context_show, /context_load and /context_create.

    All arguments are passed to aider. `ctx aider -- --help` shows aider's own options.
    """
    from ctxstore.integrations.aider.launch import find_aider

    location = invocation.location()
    repo = os.path.abspath(location.path)
    if not location.is_default and not os.path.isdir(repo):
        invocation.output.warn(f"no repository at {location.path}: backups will fail")
    line = find_aider(os.environ).command(repo, arguments, creates=location.is_default)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execv(line[0], line)  # replaces this process: aider owns the terminal, signals and exit code
    except OSError as error:
        raise StorageError(f"cannot run {line[0]}: {error.strerror}") from error
