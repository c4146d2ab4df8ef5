"""The command ``ctx repair``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, NonEmptyPath, common_options, pass_invocation
from ctxstore.cli.render.damage import problem_value, show_damage
from ctxstore.cli.render.format import format_count
from ctxstore.cli.render.output import Output, Styled
from ctxstore.errors import Corrupt

if TYPE_CHECKING:
    from ctxstore import RefChange
    from ctxstore.ops.repair.execute import RepairReport

SHOWN = 20


@click.command()
@click.option(
    "--from",
    "others",
    metavar="LOCATION",
    type=NonEmptyPath(),
    multiple=True,
    help="Copy lost data from another repository. Can be repeated.",
)
@click.option(
    "--forget-damaged", is_flag=True, help="Forget commits that stay damaged; contexts move to an intact one."
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
@common_options
@pass_invocation
def command(invocation: Invocation, others: tuple[str, ...], forget_damaged: bool, dry_run: bool) -> int:
    """Recover what is readable in a damaged repository.

    Nothing is deleted: damaged files are moved to quarantine/. The exit code is 5 if damage remains.
    """
    from ctxstore.repo.repair import repair

    output = invocation.output
    location = invocation.location().path
    with invocation.progress() as progress:
        report = repair(location, others=others, forget_damaged=forget_damaged, dry_run=dry_run, progress=progress)
    if output.json:
        output.value(_value(report))
    else:
        _show(output, report)
    return Corrupt.exit_code if report.problems else 0


def _value(report: RepairReport) -> dict[str, Any]:
    return {
        "ok": not report.problems,
        **report._asdict(),
        "packs": [pack._asdict() for pack in report.packs],
        "changes": [_change_value(change) for change in report.changes],
        "forgotten": [id.hex() for id in report.forgotten],
        "problems": [problem_value(problem) for problem in report.problems],
    }


def _change_value(change: RefChange) -> dict[str, Any]:
    ref, old, new = change
    return {"ref": ref, "old": old.hex() if old else None, "new": new.hex() if new else None}


def _show(output: Output, report: RepairReport) -> None:
    if report.did_nothing and not report.problems:
        output.report("Nothing to repair: no data is missing or damaged.")
        return
    _show_done(output, report)
    if report.problems:
        show_damage(output, report.problems)
        output.line(f"{format_count(len(report.problems), 'object')} not recovered. Everything else is intact.")
        output.note("To copy the lost data from another repository: ctx repair --from LOCATION")
        output.note("To give up the commits listed above: ctx repair --forget-damaged (try --dry-run first)")
    elif report.executed:
        output.report("Repaired: no data is missing or damaged.")
    else:
        output.report("Dry run: a repair would recover everything.")


def _show_done(output: Output, report: RepairReport) -> None:
    if report.root:
        output.report(Styled("root: ", "yellow"), f"{report.root}: recreated from the newest state found")
    if report.config:
        output.report(
            Styled("config: ", "yellow"), f"{report.config}: recreated; new data may deduplicate less against old data"
        )
    for pack in report.packs:
        lost = "an unknown number lost" if pack.lost is None else f"{pack.lost:,} lost"
        saved = f"{format_count(pack.saved, 'object')} saved, {lost}"
        output.report(Styled(f"pack {pack.name}: ", "yellow"), f"{pack.problem}; {saved}")
    for name, number in report.taken.items():
        output.report(f"{format_count(number, 'object')} found in {name}")
    if report.gaps:
        output.report(f"{format_count(report.gaps, 'gap')} closed in the log of runs")
    for ref, old, new in report.changes[:SHOWN]:
        before, after = (id.hex()[:8] if id else "none" for id in (old, new))
        output.report(f"{ref}: {before} → {after}")
    if len(report.changes) > SHOWN:
        output.report(f"… and {format_count(len(report.changes) - SHOWN, 'more context')}")
    if report.forgotten:
        output.report(f"{format_count(len(report.forgotten), 'damaged commit')} forgotten")
    for tag in report.kept_tags:
        output.report(f"{tag} kept, although its commit is damaged")
    for key in report.quarantined:
        output.report(f"moved to {key}")
