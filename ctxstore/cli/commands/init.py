"""The command ``ctx init``."""

from __future__ import annotations

import os

import click

from ctxstore.cli.invocation import Invocation, NonEmptyPath, common_options, pass_invocation
from ctxstore.cli.repository import FOLDER
from ctxstore.ownership import make_folders


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=NonEmptyPath())
@common_options
@pass_invocation
def command(invocation: Invocation, folder: str | None) -> None:
    """Create a repository: .ctx in DIR, or in the current folder.

    Commands that run in that folder or below it use this repository. With --repo (or with $CTX_REPO and no DIR), the
    repository is created at exactly that location.
    """
    import ctxstore

    named = invocation.repo or (os.environ.get("CTX_REPO") if folder is None else None)
    path = named or os.path.join(os.path.abspath(folder or "."), FOLDER)
    make_folders(os.path.dirname(os.path.abspath(path)), 0o777)
    with ctxstore.init(path):
        pass
    if invocation.output.json:
        invocation.output.value({"repository": path})
    invocation.output.report(f"Created an empty repository: {path}")
