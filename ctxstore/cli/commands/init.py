"""``ctx init``."""

from __future__ import annotations

import os

import click

from ctxstore.cli.invocation import Invocation, NonEmptyPath, common, pass_invocation
from ctxstore.cli.repository import FOLDER


@click.command()
@click.argument("folder", metavar="[DIR]", required=False, type=NonEmptyPath())
@common
@pass_invocation
def command(invocation: Invocation, folder: str | None) -> None:
    """Make a repository: .ctx in DIR, or in this folder.

    Commands use it from that folder and all below it. With --repo PLACE (or $CTX_REPO, without DIR) the
    repository is made at exactly that place.
    """
    import ctxstore

    named = invocation.repo or (os.environ.get("CTX_REPO") if folder is None else None)
    path = named or os.path.join(os.path.abspath(folder or "."), FOLDER)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with ctxstore.init(path):
        pass
    if invocation.output.json:
        invocation.output.value({"repository": path})
    invocation.output.report(f"Made an empty repository: {path}")
