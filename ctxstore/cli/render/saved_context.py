"""Prints the facts of one context that was just saved: commit, time, size, place, files, verification, retention."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ctxstore.cli.render.format import format_count, format_size, format_time
from ctxstore.cli.render.output import Output
from ctxstore.errors import CtxstoreError

if TYPE_CHECKING:
    from ctxstore import Repo, VerifiedCommit

SHOWN_FILES = 30


class BackupOutcome(NamedTuple):
    """The steps after a backup: its verification, or the error that it found, and the policy that was applied.

    `forgotten` is the number of commits that the policy removed.
    """

    verified: VerifiedCommit | None = None
    error: str = ""
    policy: str = ""
    forgotten: int = 0


def show_saved_context(output: Output, repo: Repo, name: str, backup: BackupOutcome) -> None:
    """Prints the facts of the newest commit of a context."""
    revision = repo.resolve(name)
    commit = revision.commit
    facts = {
        "context": revision.ref,
        "commit": revision.id.hex(),
        "time": format_time(commit.time),
        "type": "full" if commit.kind == "auto" else commit.kind,
        "note": commit.note,
        "files": f"{commit.summary.files:,}",
        "size": format_size(commit.summary.bytes),
        "repository": repo.path,
        "verified": _verification(backup),
        "kept": _retention(repo, revision.ref, backup),
    }
    for word, value in facts.items():
        if value:
            output.report(f"  {word:<10} {value}")
    if backup.verified:
        for path, size in backup.verified.files[:SHOWN_FILES]:
            output.report(f"    {format_size(size):>10}  {path}")
        if len(backup.verified.files) > SHOWN_FILES:
            output.report(f"    … and {len(backup.verified.files) - SHOWN_FILES:,} more files")
        for path in backup.verified.invalid:
            output.warn(f"{path}: the agent's file has a line that is not JSON; it is saved as it is")
    if backup.error:
        output.warn(f"the backup is damaged: {backup.error}")


def _verification(backup: BackupOutcome) -> str:
    if backup.verified is None:
        return ""
    files = format_count(len(backup.verified.files), "file")
    return f"{files} read back, {backup.verified.bytes:,} bytes, {format_count(backup.verified.values, 'JSON value')}"


def _retention(repo: Repo, ref: str, backup: BackupOutcome) -> str:
    from ctxstore.ops.retention.policy import describe

    if backup.policy:
        rules = describe(repo.get_policy(backup.policy))
        return f"by policy {backup.policy}: {rules} (of each type); {backup.forgotten:,} forgotten now"
    try:
        names = [each.policy for each in repo.retention() if each.applies_to(ref)]
    except CtxstoreError:
        return "forever: the automatic policies are unreadable"  # the command has printed the error
    return f"by policy {', '.join(names)}" if names else "forever: no automatic retention"
