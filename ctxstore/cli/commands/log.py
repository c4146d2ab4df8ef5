"""``ctx log``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.format import count, format_size, format_time
from ctxstore.cli.render.ops import run_line, show_changes, tag_names
from ctxstore.cli.render.output import Output, Styled, TextPiece, dim
from ctxstore.errors import CtxstoreError

if TYPE_CHECKING:
    from ctxstore.history.commits import Commit, StoredCommit
    from ctxstore.history.forgotten import Forgotten
    from ctxstore.ops.refs.undo import ListedOp
    from ctxstore.repo.repository import Repo

DEFAULT = 30

LogItem = TypeVar("LogItem")


@click.command()
@click.argument("rev", metavar="[REF]", required=False, shell_complete=complete_refs)
@click.option("--graph", is_flag=True, help="Draw lines of descent; for runs, list what each changed.")
@click.option(
    "-n",
    "number",
    metavar="N",
    type=click.IntRange(min=0),
    default=DEFAULT,
    show_default=True,
    help="How many; 0: all.",
)
@common
@pass_invocation
def command(invocation: Invocation, rev: str | None, graph: bool, number: int) -> None:
    """List the runs, newest first; with REF, the commits of that context."""
    with invocation.open() as repo:
        error: list[CtxstoreError] = []
        if rev is None:
            _log_runs(invocation.output, *take(repo.ops(), number, error), graph=graph)
        else:
            _log_commits(invocation.output, repo, *take(repo.log(rev), number, error), graph=graph)
    if error:
        raise error[0]  # what can be read was shown


def take(items: Iterable[LogItem], number: int, error: list[CtxstoreError] | None = None) -> tuple[list[LogItem], bool]:
    """The first ones, and whether there are more. With `error`, the one that ends them is put there."""
    taken: list[LogItem] = []
    try:
        taken.extend(islice(items, min(number, sys.maxsize - 1) + 1 if number else None))
    except CtxstoreError as raised:
        if error is None or not taken:
            raise
        error.append(raised)
    more = bool(number) and len(taken) > number
    return (taken[:number] if more else taken), more


def _log_runs(output: Output, runs: list[ListedOp], more: bool, *, graph: bool) -> None:
    if output.json:
        from ctxstore.cli.render.json import op_value

        output.value({"runs": [op_value(id, op) for id, op, _ in runs], "more": more})
        return
    for id, op, _ in runs:
        output.line(*run_line(id, op))
        if graph:
            show_changes(output, op, margin="│ ")
    if not runs:
        output.note("Nothing was saved yet: `ctx snapshot` saves your agents' data.")
    show_more(output, more)


class Held(NamedTuple):
    """What is kept about a commit beside it: its tags, and whether it was forgotten."""

    tags: Sequence[str]
    mark: Forgotten | None


def _log_commits(output: Output, repo: Repo, commits: list[StoredCommit], more: bool, *, graph: bool) -> None:
    tags, forgotten = tag_names(repo), repo.forgotten()
    held = {id: Held(tags.get(id, ()), forgotten.find(id)) for id, _ in commits}
    if output.json:
        output.value({"commits": [_commit_value(stored, held[stored.id]) for stored in commits], "more": more})
        return
    lines = {stored.id: commit_line(stored, _before(stored, commits), held[stored.id]) for stored in commits}
    for margin, id in _margins(commits, graph):
        output.line(dim(margin), *(lines[id] if id is not None else ()))
    show_more(output, more)


def _commit_value(stored: StoredCommit, held: Held) -> dict[str, Any]:
    from ctxstore.cli.render.json import mark_value, stored_value

    return {**stored_value(stored), "tags": list(held.tags), "forgotten": mark_value(held.mark)}


def _margins(commits: list[StoredCommit], graph: bool) -> Iterator[tuple[str, Any]]:
    if not graph:
        return (("", stored.id) for stored in commits)
    from ctxstore.cli.render.graph import draw

    return draw((stored.id, stored.commit.parents) for stored in commits)


def _before(stored: StoredCommit, commits: list[StoredCommit]) -> Commit | None:
    parents = stored.commit.parents[:1]
    return next((each.commit for each in commits if each.id in parents), None)


def commit_line(stored: StoredCommit, before: Commit | None, held: Held) -> list[TextPiece]:
    """A commit on one line: id, time, what it holds, how that grew, its tags and note, or why it was forgotten."""
    commit = stored.commit
    summary = commit.summary
    holds = count(summary.files, "file") if summary.messages is None else count(summary.messages, "message")
    if before is not None and None not in (summary.messages, before.summary.messages):
        grown = (summary.messages or 0) - (before.summary.messages or 0)
        holds += f" ({grown:+,})" if grown else ""
    if held.mark is not None:
        note = f"  {commit.note}" if commit.note else ""
        text = f"{stored.id.hex()[:8]}  {format_time(commit.time)}  {holds:<20}  {format_size(summary.bytes):>10}"
        return [dim(f"{text}  forgotten: {held.mark.reason}{note}")]
    return [
        Styled(stored.id.hex()[:8], "yellow"),
        f"  {format_time(commit.time)}  {holds:<20}  {format_size(summary.bytes):>10}",
        *(Styled(f"  tag:{name}", "green") for name in held.tags),
        *([Styled("  shrunk", "red")] if commit.shrunk else []),
        *([f"  {commit.kind}"] if commit.kind != "auto" else []),
        *([f"  {commit.note}"] if commit.note else []),
    ]


def show_more(output: Output, more: bool) -> None:
    """Tell that a list was cut short."""
    if more:
        output.note(dim("Older ones are left out: -n 0 shows all."))
