"""The command ``ctx demo``."""

from __future__ import annotations

import os
import shutil
import tempfile

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.output import Output, bold
from ctxstore.errors import CtxstoreError


@click.command()
@click.option("--keep", is_flag=True, help="Keep the temporary folder.")
@common_options
@pass_invocation
def command(invocation: Invocation, keep: bool) -> None:
    """Take a guided tour: save, inspect, lose and restore the session of a sample agent.

    The tour runs in a temporary folder and does not touch your own files.
    """
    from ctxstore.cli.main import cli, run_command_line
    from ctxstore.cli.tour.guide import Tour
    from ctxstore.cli.tour.sample import SampleHome

    scratch = os.path.realpath(tempfile.mkdtemp(prefix="ctx-demo-"))
    home = os.path.join(scratch, "home")
    os.mkdir(home)
    tour = Tour(invocation.output, SampleHome(home), lambda arguments: run_command_line(cli, arguments))
    try:
        tour.run()
    except CtxstoreError:
        keep = True  # for inspection
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
    output.report(bold("The tour is over. Save your own sessions with:"))
    output.report()
    output.report("  ctx snapshot")
    output.report()
    output.report(f"The temporary folder is kept: {kept}" if kept else "The temporary folder was removed.")
