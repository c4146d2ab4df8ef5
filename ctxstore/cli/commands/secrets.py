"""The command ``ctx secrets``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count
from ctxstore.cli.render.output import Output, Styled, dim
from ctxstore.errors import Corrupt

if TYPE_CHECKING:
    from ctxstore import Repo, Secret, SecretPlace, SecretsReport

FOUND = 1
"""The exit code if credentials are found."""

SHOWN_PLACES = 5


@click.command()
@click.argument("revs", metavar="[REV]...", nargs=-1, shell_complete=complete_refs)
@click.option("--history", is_flag=True, help="Also scan all older commits.")
@click.option(
    "--allow", "allowed", metavar="FINGERPRINT", multiple=True, help="Stop reporting this credential. Can be repeated."
)
@click.option("--warn/--no-warn", "warn", default=None, help="Make snapshots warn of new credentials, or not.")
@common_options
@pass_invocation
def command(
    invocation: Invocation, revs: tuple[str, ...], history: bool, allowed: tuple[str, ...], warn: bool | None
) -> int:
    """Find credentials in messages, memories and files: in the newest commit of each context, or in REV.

    Credentials are shown masked. The exit code is 1 if any are found.
    """
    if (allowed or warn is not None) and (revs or history):
        raise click.UsageError("--allow and --warn change settings, and exclude REV and --history.")
    with invocation.open() as repo:
        if allowed or warn is not None:
            return _change_settings(invocation.output, repo, allowed, warn)
        with invocation.progress() as progress:
            report = repo.find_secrets(*revs, history=history, progress=progress)
    output = invocation.output
    if output.json:
        output.value(report_value(report))
    else:
        _show(output, report)
    for what, why in report.problems:
        output.warn(f"not scanned: {what}: {why}")
    return Corrupt.exit_code if report.problems else FOUND if report.secrets else 0


def _change_settings(output: Output, repo: Repo, allowed: tuple[str, ...], warn: bool | None) -> int:
    changed = repo.allow_secrets(*allowed) if allowed else False
    if warn is not None:
        changed = repo.set_secrets_warning(warn) or changed
    if output.json:
        output.value({"changed": changed, "allowed": list(allowed), "warn": repo.secrets_warning()})
    for each in allowed:
        output.report(f"{each} is no longer reported; `ctx undo` reverses this.")
    if warn is not None:
        output.report("Snapshots now warn of new credentials." if warn else "Snapshots no longer warn of credentials.")
    return 0


def report_value(report: SecretsReport) -> dict[str, Any]:
    """Returns a report as a JSON value."""
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
            output.line(dim(f"  … and {format_count(len(secret.places) - SHOWN_PLACES, 'more place')}"))
    if report.secrets:
        output.note(
            dim(
                "Anyone who can read the repository can read these: revoke the real ones; "
                "`ctx secrets --allow FINGERPRINT` hides a false alarm."
            )
        )
    else:
        output.report("No credentials found.")
    if report.allowed:
        output.note(dim(f"{format_count(report.allowed, 'allowed credential')} not shown."))


def place_text(place: SecretPlace) -> str:
    """Formats the location of a credential as one line."""
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
