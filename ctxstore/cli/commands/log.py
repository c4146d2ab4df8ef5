"""The command ``ctx log``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from ctxstore.cli.complete import complete_refs
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size, format_time
from ctxstore.cli.render.ops import run_line, show_changes, tag_names
from ctxstore.cli.render.output import Output, Styled, TextPiece, dim
from ctxstore.errors import CtxstoreError

if TYPE_CHECKING:
    from ctxstore import Commit, Forgotten, ListedOp, Repo, StoredCommit, Summary

DEFAULT = 30

LogItem = TypeVar("LogItem")


@click.command()
@click.argument("rev", metavar="[REF]", required=False, shell_complete=complete_refs)
@click.option("--graph", is_flag=True, help="Draw the commit graph; for runs, list the changes of each.")
@click.option(
    "-n",
    "number",
    metavar="N",
    type=click.IntRange(min=0),
    default=DEFAULT,
    show_default=True,
    help="Show at most N; 0 shows all.",
)
@common_options
@pass_invocation
def command(invocation: Invocation, rev: str | None, graph: bool, number: int) -> None:
    """List the runs of ctx, newest first. With REF, list the commits of that context."""
    with invocation.open() as repo:
        error: list[CtxstoreError] = []
        if rev is None:
            _log_runs(invocation.output, *read_page(repo.ops(), number, error), graph=graph)
        else:
            _log_commits(invocation.output, repo, *read_page(repo.log(rev), number, error), graph=graph)
    if error:
        raise error[0]  # raised last: everything readable was shown


def read_page(
    items: Iterable[LogItem], number: int, error: list[CtxstoreError] | None = None
) -> tuple[list[LogItem], bool]:
    """Returns the first `number` items (0: all), and whether more exist.

    If reading fails after the first item, the error is appended to `error` instead of raised.
    """
    page: list[LogItem] = []
    try:
        page.extend(islice(items, min(number, sys.maxsize - 1) + 1 if number else None))
    except CtxstoreError as raised:
        if error is None or not page:
            raise
        error.append(raised)
    more = bool(number) and len(page) > number
    return (page[:number] if more else page), more


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
        output.note("No runs yet: `ctx snapshot` saves your agents' sessions.")
    show_more(output, more)


class CommitMarks(NamedTuple):
    """The marks of a commit: its tags, and its forgotten mark, if any."""

    tags: Sequence[str]
    forgotten: Forgotten | None


def _log_commits(output: Output, repo: Repo, commits: list[StoredCommit], more: bool, *, graph: bool) -> None:
    tags, forgotten = tag_names(repo), repo.forgotten()
    marks = {id: CommitMarks(tags.get(id, ()), forgotten.find(id)) for id, _ in commits}
    if output.json:
        output.value({"commits": [_commit_value(stored, marks[stored.id]) for stored in commits], "more": more})
        return
    lines = {stored.id: commit_line(stored, _listed_parent(stored, commits), marks[stored.id]) for stored in commits}
    for margin, id in _margins(commits, graph):
        output.line(dim(margin), *(lines[id] if id is not None else ()))
    show_more(output, more)


def _commit_value(stored: StoredCommit, marks: CommitMarks) -> dict[str, Any]:
    from ctxstore.cli.render.json import mark_value, stored_commit_value

    return {**stored_commit_value(stored), "tags": list(marks.tags), "forgotten": mark_value(marks.forgotten)}


def _margins(commits: list[StoredCommit], graph: bool) -> Iterator[tuple[str, Any]]:
    if not graph:
        return (("", stored.id) for stored in commits)
    from ctxstore.cli.render.graph import draw

    return draw((stored.id, stored.commit.parents) for stored in commits)


def _listed_parent(stored: StoredCommit, commits: list[StoredCommit]) -> Commit | None:
    parents = stored.commit.parents[:1]
    return next((each.commit for each in commits if each.id in parents), None)


def content_count(summary: Summary) -> str:
    """Formats the number of messages, or of files if the number of messages is unknown."""
    if summary.messages is None:
        return format_count(summary.files, "file")
    return format_count(summary.messages, "message")


def commit_line(stored: StoredCommit, parent: Commit | None, marks: CommitMarks) -> list[TextPiece]:
    """Formats a commit as one line: id, time, message count and growth, size, tags, note.

    A forgotten commit shows the reason in place of its tags.
    """
    commit = stored.commit
    summary = commit.summary
    content = content_count(summary)
    if parent is not None and None not in (summary.messages, parent.summary.messages):
        growth = (summary.messages or 0) - (parent.summary.messages or 0)
        content += f" ({growth:+,})" if growth else ""
    if marks.forgotten is not None:
        note = f"  {commit.note}" if commit.note else ""
        text = f"{stored.id.hex()[:8]}  {format_time(commit.time)}  {content:<20}  {format_size(summary.bytes):>10}"
        return [dim(f"{text}  forgotten: {marks.forgotten.reason}{note}")]
    return [
        Styled(stored.id.hex()[:8], "yellow"),
        f"  {format_time(commit.time)}  {content:<20}  {format_size(summary.bytes):>10}",
        *(Styled(f"  tag:{name}", "green") for name in marks.tags),
        *([Styled("  shrunk", "red")] if commit.shrunk else []),
        *([f"  {commit.kind}"] if commit.kind != "auto" else []),
        *([f"  {commit.note}"] if commit.note else []),
    ]


def show_more(output: Output, more: bool) -> None:
    """Prints a note if a list was truncated."""
    if more:
        output.note(dim("Older entries are not shown: -n 0 shows all."))
