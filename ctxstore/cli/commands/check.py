"""The command ``ctx check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.damage import problem_value, show_damage
from ctxstore.cli.render.format import format_count, format_size
from ctxstore.cli.render.output import Output
from ctxstore.errors import Corrupt, InvalidInput

if TYPE_CHECKING:
    from ctxstore import CheckReport


@click.command()
@click.option("--read-data", is_flag=True, help="Read and verify every stored byte.")
@click.option("--subset", metavar="PART", help="With --read-data: read only a random share (5%) or a slice (2/7).")
@common_options
@pass_invocation
def command(invocation: Invocation, read_data: bool, subset: str | None) -> int:
    """Verify that no stored data is missing or damaged.

    The exit code is 5 if a problem is found.
    """
    if subset is not None and not read_data:
        raise InvalidInput("--subset needs --read-data", hint="for example `ctx check --read-data --subset 5%`")
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
    amounts = ((report.packs, "pack"), (report.objects, "object"), (report.commits, "commit"))
    checked = ", ".join(format_count(number, noun) for number, noun in amounts)
    if read_data:
        checked += f", {format_size(report.bytes_read)} read"
    show_damage(output, report.problems)
    if report.problems:
        rest = "Everything else is intact." if complete else "Everything else that was checked is intact."
        output.line(f"Checked {checked}: {format_count(len(report.problems), 'problem')}. {rest}")
        output.note("`ctx repair` recovers readable data, and copies lost data from another repository (--from).")
        return
    output.report(f"Checked {checked}: no problems.")
    if report.leftover:
        output.report(f"{format_count(report.leftover, 'leftover file')}, harmless: `ctx gc` deletes them.")
    if not read_data:
        output.report("Stored bytes were not read: `ctx check --read-data` reads and verifies all of them.")
