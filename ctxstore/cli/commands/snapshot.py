"""The command ``ctx snapshot``."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import filterfalse
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.hook_failures import warn_of_failure
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_duration, format_size
from ctxstore.cli.render.output import Output, Styled, dim
from ctxstore.cli.render.saved_context import BackupOutcome, show_saved_context
from ctxstore.cli.render.source_report import show_fact, show_names
from ctxstore.errors import Corrupt, CtxstoreError, NotFound, SourceError

if TYPE_CHECKING:
    from ctxstore import DamagedContext, Repo, Shrunk, Skipped, SnapshotReport, SourceReport, Target

MANY = 100
"""From this number of forgotten commits on, a hint suggests `ctx gc`."""


@click.command()
@click.argument("names", metavar="[SOURCE|SOURCE:PATH|PATH]...", nargs=-1)
@click.option("--note", "-m", default="", help="A note for the log.")
@click.option("--session", metavar="ID", help="Save only the session whose id starts with ID.")
@click.option(
    "--kind",
    type=click.Choice(["full", "incremental"]),
    help="incremental: save the session state only, without files left by tools.",
)
@click.option("--always", is_flag=True, help="With --session: commit the note even if nothing changed.")
@click.option("--verify", is_flag=True, help="With --session: read the new commit back, and list its files.")
@click.option("--policy", metavar="NAME", help="With --session: then apply the policy NAME to the session.")
@click.option("--warn-secrets/--no-warn-secrets", "warn", default=None, help="Warn of credentials in new data, or not.")
@common_options
@pass_invocation
def command(invocation: Invocation, /, names: tuple[str, ...], warn: bool | None, **options: Any) -> int:
    """Save what changed in the sessions of all agents found here, or in the named sources and paths.

    SOURCE:PATH names an agent's data in another place, such as a copied home folder or a project. Projects of aider
    and FlowLoom that were saved before are included.

    A snapshot deletes nothing, unless `ctx policy auto` is set. If something is unreadable, the rest is saved and the
    exit code is 7. If a session's stored state is damaged, the session is saved anew and the exit code is 5.
    """
    import ctxstore
    from ctxstore.cli.repository import open_or_create
    from ctxstore.ops.snapshot.targets import add_known_projects, find_targets

    steps = {"verify": options.pop("verify"), "policy": options.pop("policy")}
    for name in ("always", *steps):
        if ({**options, **steps})[name] and not options["session"]:
            raise click.UsageError(f"--{name} needs --session ID.")
    location = invocation.location()
    targets = find_targets(names, invocation.environ)
    if not targets and not ctxstore.exists(location.path):
        raise _no_agent_found()
    repo, is_new = open_or_create(location)
    try:
        targets = targets if names else add_known_projects(targets, repo.known_projects())
        if not targets:
            raise _no_agent_found()
        if is_new:
            invocation.output.report(f"Created your repository: {repo.path}")
        if steps["policy"] is not None:
            repo.get_policy(steps["policy"])
        options["kind"] = options["kind"] or "auto"
        report = _snapshot(invocation, repo, targets, options)
        secrets = _secrets(invocation.output, repo, report, warn)
        forgotten = _forget(invocation.output, repo) if report.op else None
        backup = _finish_backup(repo, report, steps["verify"], steps["policy"] or "")
        after = {"forgotten": forgotten, "secrets": secrets, "backup": backup}
        _render(invocation.output, repo, report, options["session"], after)
    finally:
        repo.close()
    warn_of_failure(invocation.output)
    if backup.error or any(source.damaged for source in report.sources):
        return Corrupt.exit_code
    return SourceError.exit_code if any(map(_is_unreadable, _skipped(report))) else 0


def _no_agent_found() -> NotFound:
    return NotFound(
        "no agent found on this machine",
        hint="set $CLAUDE_CONFIG_DIR if Claude Code's folder is not ~/.claude; `ctx snapshot PATH` saves any folder",
    )


def _snapshot(invocation: Invocation, repo: Repo, targets: Sequence[Target], options: dict[str, Any]) -> SnapshotReport:
    with invocation.progress() as progress:
        report = repo.snapshot(targets, progress=progress, **options)
    session = options["session"]
    if session and not any(source.new or source.changed or source.unchanged for source in report.sources):
        raise NotFound(f"no session starts with {session!r}", hint="`ctx refs` lists the saved ones")
    return report


def _finish_backup(repo: Repo, report: SnapshotReport, verify: bool, policy: str) -> BackupOutcome:
    """Verifies the new commits and applies a policy to their contexts, and only to those."""
    verified, error, forgotten = None, "", 0
    for ref, id in report.commits if verify else ():
        try:
            verified = repo.verify(id.hex())
        except (Corrupt, NotFound) as damage:
            error = f"{ref}: {damage.message}"
    for ref, _ in report.commits if policy else ():
        forgotten += repo.forget(policy, ref).plan.forgotten
    return BackupOutcome(verified, error, policy, forgotten)


def _forget(output: Output, repo: Repo) -> int | None:
    """Applies automatic retention, and returns the number of forgotten commits. A failure does not fail the run."""
    try:
        result = repo.apply_retention()
    except CtxstoreError as error:
        output.warn(f"nothing was forgotten: {error.message}")
        return None
    return result.plan.forgotten if result else None


def _secrets(output: Output, repo: Repo, report: SnapshotReport, warn: bool | None) -> list[dict[str, Any]] | None:
    """Warns of credentials in new commits. Returns None if the scan is off or failed; the run does not fail."""
    try:
        if not report.commits or not (repo.secrets_warning() if warn is None else warn):
            return None
        from ctxstore.cli.commands.secrets import place_text, report_value

        found = repo.find_new_secrets(report.commits)
    except CtxstoreError as error:
        output.warn(f"not scanned for credentials: {error.message}{f'; {error.hint}' if error.hint else ''}")
        return None
    for secret in found.secrets:
        output.warn(f"credential saved: {secret.kind} {secret.masked} in {place_text(secret.places[0])}")
    secrets: list[dict[str, Any]] = report_value(found)["secrets"]
    return secrets


def _skipped(report: SnapshotReport) -> list[Skipped]:
    return [skipped for source in report.sources for skipped in source.skipped]


def _is_unreadable(skipped: Skipped) -> bool:
    return skipped.failed


def _render(output: Output, repo: Repo, report: SnapshotReport, session: str | None, after: dict[str, Any]) -> None:
    if output.json:
        output.value(
            _value(repo, report)
            | after
            | {"backup": _backup_value(after["backup"]), "newly_forgotten": repo.count_uncollected()}
        )
        return
    for source in report.sources:
        _show_source(output, source)
    if report.op is None:
        output.report("Nothing new since the last snapshot.")
    else:
        output.report(_amounts(report))
        output.report(
            f"{format_count(len(report.commits), 'commit')} saved in {format_duration(report.duration)}: ",
            Styled(" ".join(f"op:{op.hex()[:8]}" for op in report.ops), "yellow"),
        )
    if after["forgotten"]:
        output.report(f"{format_count(after['forgotten'], 'commit')} forgotten by policy.")
    one = report.commits[0][0] if len(report.commits) == 1 else session
    if one:
        show_saved_context(output, repo, one, after["backup"])
    for skipped in filter(_is_unreadable, _skipped(report)):
        output.warn(f"not saved: {skipped.path}: {skipped.reason}")
    _show_damaged(output, [damaged for source in report.sources for damaged in source.damaged])
    uncollected = repo.count_uncollected() if report.op else 0
    if uncollected >= MANY:
        output.note(dim(f"{uncollected:,} commits forgotten since the last gc: `ctx gc` frees their space."))


def _amounts(report: SnapshotReport) -> str:
    read = sum(source.bytes_read for source in report.sources)
    new = sum(source.bytes_new for source in report.sources)
    sizes = (format_size(each) for each in (read, new, report.bytes_stored))
    return "{} read, {} new, {} after compression".format(*sizes)


def _show_source(output: Output, source: SourceReport) -> None:
    output.report(Styled(source.agent, "bold"), f"  {source.root}")
    show_names(output.report, "new", "green", source.new)
    show_names(output.report, "changed", "yellow", source.changed)
    if source.unchanged:
        show_fact(output.report, "unchanged", source.unchanged)
    show_names(output.report, "vanished", "red", source.vanished, map(_vanished_detail, source.vanished))
    show_names(output.report, "shrunk", "red", [each.ref for each in source.shrunk], map(_shrunk_detail, source.shrunk))
    skipped = list(filterfalse(_is_unreadable, source.skipped))
    show_names(output.report, "skipped", "dim", [f"{each.path}: {each.reason}" for each in skipped])


def _show_damaged(output: Output, found: list[DamagedContext]) -> None:
    for each in found:
        done = "saved anew" if each.is_saved else "nothing to save"
        output.warn(f"{each.ref}: its commit {each.commit.hex()[:8]} is damaged ({each.reason}); {done}")
    if found:
        output.note("To recover what is damaged: ctx repair, with --from LOCATION if there is a copy of the repository")


def _vanished_detail(name: str) -> str:
    return f"deleted from disk, still saved here; to restore it: ctx checkout {name}"


def _shrunk_detail(shrunk: Shrunk) -> str:
    amounts = [format_size(n) if shrunk.unit == "bytes" else f"{n:,}" for n in (shrunk.before, shrunk.after)]
    unit = "" if shrunk.unit == "bytes" else f" {shrunk.unit}"
    good = shrunk.last_good.hex()[:8]
    return f"{amounts[0]} → {amounts[1]}{unit}; to restore {good}: ctx checkout {shrunk.ref}~1"


def _value(repo: Repo, report: SnapshotReport) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    return {
        "repository": repo.path,
        "op": report.op.hex() if report.op else None,
        "ops": [op.hex() for op in report.ops],
        "time": iso_time(report.time),
        "time_ns": report.time,
        "duration_ns": report.duration,
        "bytes_stored": report.bytes_stored,
        "commits": [{"ref": ref, "id": id.hex()} for ref, id in report.commits],
        "sources": [_source_value(source) for source in report.sources],
    }


def _backup_value(backup: BackupOutcome) -> dict[str, Any] | None:
    if backup == BackupOutcome():
        return None
    verified = backup.verified._asdict() if backup.verified else None
    if verified is not None:
        verified["files"] = [{"path": path, "size": size} for path, size in verified["files"]]
    return {**backup._asdict(), "verified": verified, "policy": backup.policy or None, "error": backup.error or None}


def _source_value(source: SourceReport) -> dict[str, Any]:
    shrunk = [{**each._asdict(), "last_good": each.last_good.hex()} for each in source.shrunk]
    skipped = [each._asdict() for each in source.skipped]
    damaged = [{**each._asdict(), "commit": each.commit.hex()} for each in source.damaged]
    return {**source._asdict(), "shrunk": shrunk, "skipped": skipped, "damaged": damaged}
