"""``ctx repair``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, NonEmptyPath, common, pass_invocation
from ctxstore.cli.render.damage import problem_value, show_damage
from ctxstore.cli.render.format import count
from ctxstore.cli.render.output import Output, Styled
from ctxstore.errors import Corrupt

if TYPE_CHECKING:
    from ctxstore.history.oplog import RefChange
    from ctxstore.ops.repair.execute import RepairReport

SHOWN = 20


@click.command()
@click.option(
    "--from",
    "others",
    metavar="PLACE",
    type=NonEmptyPath(),
    multiple=True,
    help="Another repository that may have what is lost.",
)
@click.option(
    "--forget-damaged", is_flag=True, help="Forget commits that stay damaged; contexts go back to whole ones."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@common
@pass_invocation
def command(invocation: Invocation, others: tuple[str, ...], forget_damaged: bool, dry_run: bool) -> int:
    """Save what can be saved of a damaged repository. Nothing is deleted: what is damaged goes to quarantine."""
    from ctxstore.repo.repair import repair

    output = invocation.output
    place = invocation.place().path
    with invocation.progress() as progress:
        report = repair(place, others=others, forget_damaged=forget_damaged, dry_run=dry_run, progress=progress)
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
        output.report("Everything is there and whole: nothing to repair.")
        return
    _show_done(output, report)
    if report.problems:
        show_damage(output, report.problems)
        output.line(f"{count(len(report.problems), 'object')} could not be found. What is not named is whole.")
        output.note("If another repository has what is lost: ctx repair --from PLACE.")
        output.note("To go on without the commits named: ctx repair --forget-damaged; look with --dry-run first.")
    elif report.executed:
        output.report("Repaired: everything is there and whole.")
    else:
        output.report("A repair would make everything whole.")


def _show_done(output: Output, report: RepairReport) -> None:
    if report.root:
        output.report(Styled("root: ", "yellow"), f"{report.root}: made anew from the newest state there is")
    if report.config:
        output.report(
            Styled("config: ", "yellow"), f"{report.config}: made anew; what comes may share less with the rest"
        )
    for pack in report.packs:
        lost = "what was lost is unknown" if pack.lost is None else f"{pack.lost:,} lost"
        saved = f"{count(pack.saved, 'object')} saved, {lost}"
        output.report(Styled(f"pack {pack.name}: ", "yellow"), f"{pack.problem}; {saved}")
    for name, number in report.taken.items():
        output.report(f"{count(number, 'object')} found in {name}")
    if report.gaps:
        output.report(f"{count(report.gaps, 'gap')} in the log of runs closed")
    for ref, old, new in report.changes[:SHOWN]:
        before, after = (id.hex()[:8] if id else "none" for id in (old, new))
        output.report(f"{ref}: {before} → {after}")
    if len(report.changes) > SHOWN:
        output.report(f"… and {count(len(report.changes) - SHOWN, 'more context')}")
    if report.forgotten:
        output.report(f"{count(len(report.forgotten), 'damaged commit')} forgotten")
    for tag in report.kept_tags:
        output.report(f"{tag} names a damaged commit, and was kept")
    for key in report.quarantined:
        output.report(f"moved to {key}")
