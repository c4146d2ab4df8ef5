"""``ctx secrets``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.format import count
from ctxstore.cli.render.output import Output, Styled, dim
from ctxstore.errors import Corrupt

if TYPE_CHECKING:
    from ctxstore.ops.secrets.masking import Secret, SecretPlace
    from ctxstore.ops.secrets.scan import SecretsReport
    from ctxstore.repo.repository import Repo

FOUND = 1
"""The exit code when there are credentials."""

SHOWN_PLACES = 5


@click.command()
@click.argument("revs", metavar="[REV]...", nargs=-1, shell_complete=complete_refs)
@click.option("--history", is_flag=True, help="Look at all older commits, too.")
@click.option("--allow", "allowed", metavar="FINGERPRINT", multiple=True, help="Report this one no more.")
@click.option("--warn/--no-warn", "warn", default=None, help="Let every snapshot warn of new ones, or none.")
@common
@pass_invocation
def command(
    invocation: Invocation, revs: tuple[str, ...], history: bool, allowed: tuple[str, ...], warn: bool | None
) -> int:
    """Find credentials in messages and files: of the newest commits of all contexts, or of REV.

    They are never shown whole. Exit code 1 if there are any.
    """
    if (allowed or warn is not None) and (revs or history):
        raise click.UsageError("--allow and --warn change a setting: they go with neither REV nor --history.")
    with invocation.open() as repo:
        if allowed or warn is not None:
            return _set(invocation.output, repo, allowed, warn)
        with invocation.progress() as progress:
            report = repo.find_secrets(*revs, history=history, progress=progress)
    output = invocation.output
    if output.json:
        output.value(report_value(report))
    else:
        _show(output, report)
    for what, why in report.problems:
        output.warn(f"not looked through: {what}: {why}")
    return Corrupt.exit_code if report.problems else FOUND if report.secrets else 0


def _set(output: Output, repo: Repo, allowed: tuple[str, ...], warn: bool | None) -> int:
    changed = repo.allow_secrets(*allowed) if allowed else False
    if warn is not None:
        changed = repo.set_secrets_warning(warn) or changed
    if output.json:
        output.value({"changed": changed, "allowed": list(allowed), "warn": repo.secrets_warning()})
    for each in allowed:
        output.report(f"{each} is reported no more; `ctx undo` takes that back.")
    if warn is not None:
        output.report("Snapshots warn of new credentials." if warn else "Snapshots do not warn of credentials.")
    return 0


def report_value(report: SecretsReport) -> dict[str, Any]:
    """What was found, for a program."""
    return {
        "secrets": [_secret_value(secret) for secret in report.secrets],
        "allowed": report.allowed,
        "problems": [{"what": what, "message": why} for what, why in report.problems],
    }


def _secret_value(secret: Secret) -> dict[str, Any]:
    places = [{**place._asdict(), "commit": place.commit.hex()} for place in secret.places]
    return {**secret._asdict(), "places": places}


def _show(output: Output, report: SecretsReport) -> None:
    for secret in report.secrets:
        output.line(Styled(secret.kind, "bold red"), f"  {secret.masked}  ", dim(secret.fingerprint))
        for place in secret.places[:SHOWN_PLACES]:
            output.line(f"  {place_text(place)}")
        if len(secret.places) > SHOWN_PLACES:
            output.line(dim(f"  … and {count(len(secret.places) - SHOWN_PLACES, 'more place')}"))
    if report.secrets:
        output.note(
            dim(
                "Whoever can read the repository can read them: revoke what is real; "
                "`ctx secrets --allow FINGERPRINT` for what is not."
            )
        )
    else:
        output.report("No credentials were found.")
    if report.allowed:
        output.note(dim(f"{count(report.allowed, 'credential')} left out that you allowed."))


def place_text(place: SecretPlace) -> str:
    """Where a credential is, on one line."""
    at = f"{place.commit.hex()[:8]}"
    if place.message:
        at += f"#{place.message}"
    if place.memory:
        at += f", memory {place.memory}"
    if place.path:
        at += f", {place.path}"
    if place.line is not None:
        at += f", line {place.line:,}" if place.path else ""
    return f"{place.ref}  {at}"
