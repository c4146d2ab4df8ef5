"""``ctx demo``."""

from __future__ import annotations

import os
import shutil
import tempfile

import click

from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.output import Output, bold
from ctxstore.errors import CtxstoreError


@click.command()
@click.option("--keep", is_flag=True, help="Keep the scratch folder.")
@common
@pass_invocation
def command(invocation: Invocation, keep: bool) -> None:
    """Take a guided tour: save, look, lose and get back a made-up agent's session.

    All of it happens in a scratch folder; nothing of yours is read or written.
    """
    from ctxstore.cli.main import cli, run
    from ctxstore.cli.tour.guide import Tour
    from ctxstore.cli.tour.sample import SampleHome

    scratch = os.path.realpath(tempfile.mkdtemp(prefix="ctx-demo-"))
    home = os.path.join(scratch, "home")
    os.mkdir(home)
    tour = Tour(invocation.output, SampleHome(home), lambda arguments: run(cli, arguments))
    try:
        tour.take()
    except CtxstoreError:
        keep = True  # what went wrong can be looked at
        raise
    finally:
        if not keep:
            shutil.rmtree(scratch)
    _end(invocation.output, tour_steps=[step._asdict() for step in tour.steps], kept=scratch if keep else None)


def _end(output: Output, *, tour_steps: list[dict[str, object]], kept: str | None) -> None:
    if output.json:
        output.value({"ok": True, "steps": tour_steps, "folder": kept})
        return
    output.report()
    output.report(bold("That was all of it. Your own sessions are one command away:"))
    output.report()
    output.report("  ctx snapshot")
    output.report()
    output.report(f"The scratch folder is kept: {kept}" if kept else "The scratch folder is gone.")
