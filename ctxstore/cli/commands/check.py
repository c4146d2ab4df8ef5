"""``ctx check``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ctxstore.cli.amounts import count, format_size
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.output import Output, Styled
from ctxstore.errors import Corrupt

if TYPE_CHECKING:
    from ctxstore.ops.check import CheckReport

SHOWN_REFS = 3


@click.command()
@click.option("--read-data", is_flag=True, help="Read and verify every stored byte.")
@common
@pass_invocation
def command(invocation: Invocation, read_data: bool) -> int:
    """Verify that everything is there and whole. Exit code 5 if something is not."""
    output = invocation.output
    with invocation.open() as repo, invocation.progress() as progress:
        report = repo.check(read_data=read_data, progress=progress)
    if output.json:
        problems = [problem._asdict() for problem in report.problems]
        output.value({"ok": not problems, **report._asdict(), "problems": problems})
    else:
        _show(output, report, read_data)
    return Corrupt.exit_code if report.problems else 0


def _show(output: Output, report: CheckReport, read_data: bool) -> None:
    looked = f"{count(report.packs, 'pack')}, {count(report.objects, 'object')}, {count(report.commits, 'commit')}"
    if read_data:
        looked += f", {format_size(report.bytes_read)} read"
    for problem in report.problems:
        output.line(Styled(f"{problem.kind} {problem.what}: ", "red"), problem.message)
        for ref in problem.refs[:SHOWN_REFS]:
            output.line(f"  hits {ref}")
        if len(problem.refs) > SHOWN_REFS:
            output.line(f"  … and {count(len(problem.refs) - SHOWN_REFS, 'more context')}")
    if report.problems:
        output.line(f"Checked {looked}: {count(len(report.problems), 'problem')}. What is not named is whole.")
        return
    output.report(f"Checked {looked}: all is well.")
    if not read_data:
        output.report("`ctx check --read-data` reads every stored byte as well.")
