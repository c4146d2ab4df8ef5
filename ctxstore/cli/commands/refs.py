"""The command ``ctx refs``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from ctxstore.cli.commands.log import read_page
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size, format_time
from ctxstore.errors import CtxstoreError

if TYPE_CHECKING:
    from ctxstore import NamedCommit

HEADER = ("CONTEXT", "TITLE", "AGENT", "MESSAGES", "SIZE", "LAST CHANGE")


@click.command()
@click.argument("pattern", required=False, default="")
@common_options
@pass_invocation
def command(invocation: Invocation, pattern: str) -> None:
    """List the contexts: agents' sessions, memories, settings, and saved folders.

    With PATTERN, list those whose name matches the glob or contains the text.
    """
    output = invocation.output
    error: list[CtxstoreError] = []
    with invocation.open() as repo:
        found, _ = read_page(repo.refs(pattern), 0, error)
    if output.json:
        from ctxstore.cli.render.json import stored_commit_value

        output.value({"refs": [{"name": name, "commit": stored_commit_value(stored)} for name, stored in found]})
    else:
        if found:
            output.table(HEADER, _rows(found), right="MESSAGES SIZE", fit="TITLE")
        output.note(_summary(len(found), pattern))
    if error:
        raise error[0]  # raised last: everything readable was shown


def _rows(found: list[NamedCommit]) -> Iterator[tuple[str, ...]]:
    for name, stored in found:
        summary = stored.commit.summary
        messages = "" if summary.messages is None else f"{summary.messages:,}"
        yield (
            name,
            summary.title or "",
            summary.agent or "",
            messages,
            format_size(summary.bytes),
            format_time(stored.commit.time),
        )


def _summary(number: int, pattern: str) -> str:
    if number:
        return format_count(number, "context")
    return f"No context matches {pattern!r}." if pattern else "No contexts yet: `ctx snapshot` saves your sessions."
