"""``ctx snapshot``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import filterfalse
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.hook_failures import warn_of_failure
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.format import count, format_duration, format_size, format_time
from ctxstore.cli.render.output import Output, Styled, dim
from ctxstore.cli.render.source_report import show_fact, show_names
from ctxstore.errors import CtxstoreError, NotFound, SourceError

if TYPE_CHECKING:
    from ctxstore.ops.snapshot.home_scan import SourceReport
    from ctxstore.ops.snapshot.shrink_guard import Shrunk
    from ctxstore.ops.snapshot.snapshot import SnapshotReport
    from ctxstore.ops.snapshot.targets import Target
    from ctxstore.repo.repository import Repo
    from ctxstore.sources.protocol import Skipped

MANY = 100
"""Forgotten commits whose space is worth a hint."""


@click.command()
@click.argument("what", metavar="[SOURCE|SOURCE:PATH|PATH]...", nargs=-1)
@click.option("--note", "-m", default="", help="Why, for the log.")
@click.option("--session", metavar="ID", help="Only the session whose name starts with ID.")
@click.option(
    "--kind",
    type=click.Choice(["full", "incremental"]),
    help="incremental: an agent's state only, not what its tools left.",
)
@click.option("--always", is_flag=True, help="With --session: make a commit also if nothing changed, for its note.")
@click.option("--warn-secrets/--no-warn-secrets", "warn", default=None, help="Warn of credentials in what is new.")
@common
@pass_invocation
def command(invocation: Invocation, /, what: tuple[str, ...], warn: bool | None, **options: Any) -> int:
    """Save what changed: of every agent found on this machine, or of the sources and paths named.

    SOURCE:PATH is an agent's data elsewhere: a copy of its folder, or a project. Projects of aider and FlowLoom that
    were saved before are saved again.

    Nothing is removed by it, unless `ctx policy auto` asks for that. Exit code 7 if something could not be read; the
    rest is saved.
    """
    from ctxstore.cli.repository import open_or_make
    from ctxstore.ops.snapshot.targets import add_known_projects, find_targets

    if options["always"] and not options["session"]:
        raise click.UsageError("--always is for --session ID.")
    place = invocation.place()
    targets = find_targets(what, invocation.environ)
    if not targets and not os.path.exists(os.path.join(place.path, "root")):
        raise _nothing_found()
    repo, is_made = open_or_make(place)
    try:
        targets = targets if what else add_known_projects(targets, repo.known_projects())
        if not targets:
            raise _nothing_found()
        if is_made:
            invocation.output.report(f"Made your repository: {repo.path}")
        options["kind"] = options["kind"] or "auto"
        report = _snapshot(invocation, repo, targets, options)
        secrets = _secrets(invocation.output, repo, report, warn)
        forgotten = _forget(invocation.output, repo) if report.op else None
        _render(invocation.output, repo, report, options["session"], {"forgotten": forgotten, "secrets": secrets})
    finally:
        repo.close()
    warn_of_failure(invocation.output)
    return SourceError.exit_code if any(map(_is_unreadable, _skipped(report))) else 0


def _nothing_found() -> NotFound:
    return NotFound(
        "no agent's data was found on this machine",
        hint="looked for Claude Code in ~/.claude (or $CLAUDE_CONFIG_DIR); `ctx snapshot PATH` saves any folder",
    )


def _snapshot(invocation: Invocation, repo: Repo, targets: Sequence[Target], options: dict[str, Any]) -> SnapshotReport:
    with invocation.progress() as progress:
        report = repo.snapshot(targets, progress=progress, **options)
    session = options["session"]
    if session and not any(source.new or source.changed or source.unchanged for source in report.sources):
        raise NotFound(f"no session starts with {session!r}", hint="`ctx refs` lists the saved ones")
    return report


def _forget(output: Output, repo: Repo) -> int | None:
    """Apply the repository's retention; how many commits it forgot. What was saved is saved, whatever happens here."""
    try:
        result = repo.apply_retention()
    except CtxstoreError as error:
        output.warn(f"nothing was forgotten: {error.message}")
        return None
    return result.plan.forgotten if result else None


def _secrets(output: Output, repo: Repo, report: SnapshotReport, warn: bool | None) -> list[dict[str, Any]] | None:
    """Warn of credentials in what is new; None: it was not asked for, or not possible. The snapshot is made anyway."""
    try:
        if not report.commits or not (repo.secrets_warning() if warn is None else warn):
            return None
        from ctxstore.cli.commands.secrets import place_text, report_value

        found = repo.find_new_secrets(report.commits)
    except CtxstoreError as error:
        output.warn(f"credentials were not looked for: {error.message}{f'; {error.hint}' if error.hint else ''}")
        return None
    for secret in found.secrets:
        output.warn(f"a credential was saved: {secret.kind} {secret.masked} in {place_text(secret.places[0])}")
    secrets: list[dict[str, Any]] = report_value(found)["secrets"]
    return secrets


def _skipped(report: SnapshotReport) -> list[Skipped]:
    return [skipped for source in report.sources for skipped in source.skipped]


def _is_unreadable(skipped: Skipped) -> bool:
    return skipped.failed


def _render(output: Output, repo: Repo, report: SnapshotReport, session: str | None, after: dict[str, Any]) -> None:
    if output.json:
        output.value(_value(repo, report) | after | {"newly_forgotten": repo.count_uncollected()})
        return
    for source in report.sources:
        _show_source(output, source)
    if report.op is None:
        output.report("Nothing new since the last snapshot.")
    else:
        stored = f"Stored {format_size(report.bytes_stored)} in {format_duration(report.duration)}"
        output.report(
            f"{stored}: {count(len(report.commits), 'commit')}, ",
            Styled(f"op:{report.op.hex()[:8]}", "yellow"),
        )
    if after["forgotten"]:
        output.report(f"Forgot {count(after['forgotten'], 'commit')} that no policy keeps.")
    one = report.commits[0][0] if len(report.commits) == 1 else session
    if one:
        _show_one(output, repo, one)
    for skipped in filter(_is_unreadable, _skipped(report)):
        output.warn(f"not saved: {skipped.path}: {skipped.reason}")
    waiting = repo.count_uncollected() if report.op else 0
    if waiting >= MANY:
        output.note(dim(f"{waiting:,} commits were forgotten since the last `ctx gc`, which frees their space."))


def _show_source(output: Output, source: SourceReport) -> None:
    output.report(Styled(source.agent, "bold"), f"  {source.root}")
    show_names(output.report, "new", "green", source.new)
    show_names(output.report, "changed", "yellow", source.changed)
    if source.unchanged:
        show_fact(output.report, "unchanged", source.unchanged)
    show_names(output.report, "vanished", "red", source.vanished, map(_gone, source.vanished))
    show_names(output.report, "shrunk", "red", [each.ref for each in source.shrunk], map(_loss, source.shrunk))
    left_out = list(filterfalse(_is_unreadable, source.skipped))
    show_names(output.report, "left out", "dim", [f"{each.path}: {each.reason}" for each in left_out])
    if source.bytes_read:
        output.report(f"  {'read':<10} {format_size(source.bytes_read)}; {format_size(source.bytes_new)} to store")


def _gone(name: str) -> str:
    return f"gone from disk, kept here; to bring it back: ctx checkout {name}"


def _loss(shrunk: Shrunk) -> str:
    amounts = [format_size(n) if shrunk.unit == "bytes" else f"{n:,}" for n in (shrunk.before, shrunk.after)]
    unit = "" if shrunk.unit == "bytes" else f" {shrunk.unit}"
    good = shrunk.last_good.hex()[:8]
    return f"{amounts[0]} → {amounts[1]}{unit}; to bring {good} back: ctx checkout {shrunk.ref}~1"


def _show_one(output: Output, repo: Repo, name: str) -> None:
    """A single backup in full: what, when, how much, where."""
    revision = repo.resolve(name)
    commit = revision.commit
    facts = {
        "context": revision.ref,
        "commit": revision.id.hex(),
        "time": format_time(commit.time),
        "type": "full" if commit.kind == "auto" else commit.kind,
        "files": f"{commit.summary.files:,}",
        "size": format_size(commit.summary.bytes),
        "place": repo.path,
        "kept": _kept(repo, revision.ref),
    }
    for word, value in facts.items():
        output.report(f"  {word:<10} {value}")


def _kept(repo: Repo, ref: str) -> str:
    from ctxstore.history.refs import matches

    try:
        names = [policy for pattern, policy in repo.retention() if matches(ref, pattern)]
    except CtxstoreError:
        return "everything: which policies apply can't be read"  # what is wrong was said above
    return f"by policy {', '.join(names)}" if names else "for good: nothing expires on its own"


def _value(repo: Repo, report: SnapshotReport) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    return {
        "repository": repo.path,
        "op": report.op.hex() if report.op else None,
        "time": iso_time(report.time),
        "time_ns": report.time,
        "duration_ns": report.duration,
        "bytes_stored": report.bytes_stored,
        "commits": [{"ref": ref, "id": id.hex()} for ref, id in report.commits],
        "sources": [_source_value(source) for source in report.sources],
    }


def _source_value(source: SourceReport) -> dict[str, Any]:
    shrunk = [{**each._asdict(), "last_good": each.last_good.hex()} for each in source.shrunk]
    skipped = [each._asdict() for each in source.skipped]
    return {**source._asdict(), "shrunk": shrunk, "skipped": skipped}
