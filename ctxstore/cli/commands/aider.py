"""``ctx aider``."""

from __future__ import annotations

import os
import sys

import click

from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.errors import StorageError

OWN = {"--json", "--quiet", "-q", "--help", "-h"}


class PassThrough(click.Command):
    """Its own options come first; from the first word that is none of them, all is the other program's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = 0
        while at < len(args) and (args[at] in OWN or args[at] == "--repo" or args[at].startswith("--repo=")):
            at += 2 if args[at] == "--repo" else 1
        rest = args[at + 1 :] if args[at : at + 1] == ["--"] else args[at:]
        return super().parse_args(ctx, [*args[:at], "--", *rest])


@click.command(cls=PassThrough)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[AIDER'S ARGUMENTS]...")
@common
@pass_invocation
def command(invocation: Invocation, arguments: tuple[str, ...]) -> None:
    """Run aider with /context_backup, /context_show, /context_load and /context_create.

    `ctx aider -- --help` shows aider's own options.
    """
    from ctxstore.integrations.aider.launch import find_aider

    place = invocation.place()
    repo = os.path.abspath(place.path)
    if not place.is_default and not os.path.isdir(repo):
        invocation.output.warn(f"there is no repository at {place.path}: backups will fail")
    line = find_aider(os.environ).command(repo, arguments, makes=place.is_default)
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        os.execv(line[0], line)  # the terminal, signals and the exit code are aider's from here on
    except OSError as error:
        raise StorageError(f"{line[0]} can't be run: {error.strerror}") from error
