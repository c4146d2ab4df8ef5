"""``ctx check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.damage import problem_value, show_damage
from ctxstore.cli.render.format import count, format_size
from ctxstore.cli.render.output import Output
from ctxstore.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from ctxstore.ops.check.check import CheckReport


@click.command()
@click.option("--read-data", is_flag=True, help="Read and verify every stored byte.")
@click.option("--subset", metavar="PART", help="With --read-data: a random share such as 5%, or a slice such as 2/7.")
@common
@pass_invocation
def command(invocation: Invocation, read_data: bool, subset: str | None) -> int:
    """Verify that everything is there and whole. Exit code 5 if something is not."""
    if subset is not None and not read_data:
        raise InvalidInput("--subset says how much data to read", hint="add --read-data")
    output = invocation.output
    with invocation.open() as repo, invocation.progress() as progress:
        report = repo.check(read_data=read_data, subset=subset, progress=progress)
    if output.json:
        problems = [problem_value(problem) for problem in report.problems]
        output.value({"ok": not problems, **report._asdict(), "problems": problems})
    else:
        _show(output, report, read_data, complete=read_data and subset is None)
    return Corrupt.exit_code if report.problems else 0


def _show(output: Output, report: CheckReport, read_data: bool, *, complete: bool) -> None:
    looked = f"{count(report.packs, 'pack')}, {count(report.objects, 'object')}, {count(report.commits, 'commit')}"
    if read_data:
        looked += f", {format_size(report.bytes_read)} read"
    show_damage(output, report.problems)
    if report.problems:
        rest = "What is not named is whole." if complete else "What was looked at and is not named is whole."
        output.line(f"Checked {looked}: {count(len(report.problems), 'problem')}. {rest}")
        output.note("`ctx repair` saves what can be read, and takes the rest from another repository that has it.")
        return
    output.report(f"Checked {looked}: all is well.")
    if report.leftover:
        output.report(f"No problem, but `ctx gc` frees their space: {count(report.leftover, 'left-over file')}.")
    if not read_data:
        output.report("`ctx check --read-data` reads every stored byte as well.")
