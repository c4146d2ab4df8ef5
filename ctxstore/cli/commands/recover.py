"""``ctx recover``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.format import count, format_size, format_time
from ctxstore.cli.render.output import Output

if TYPE_CHECKING:
    from ctxstore.ops.check.unreachable import UnreachableHistory

HEADER = ("COMMIT", "TIME", "CONTEXT", "COMMITS", "HOLDS", "SIZE", "STATE")


@click.command()
@click.option("--all", "all_", is_flag=True, help="List every commit, not only the newest of each history.")
@common
@pass_invocation
def command(invocation: Invocation, all_: bool) -> None:
    """List commits that no context and no tag reaches: dropped, undone, or left over."""
    output = invocation.output
    with invocation.open() as repo:
        found = list(repo.iter_unreachable(all=all_))
    if output.json:
        output.value({"commits": [_value(each) for each in found]})
        return
    if not found:
        output.note("A context or tag reaches every commit there is.")
        return
    output.table(HEADER, _rows(found), right="COMMITS SIZE", fit="CONTEXT")
    _show_next(output, found)


def _value(found: UnreachableHistory) -> dict[str, Any]:
    from ctxstore.cli.render.json import commit_value

    id, commit, *_ = found
    command = f"ctx fork {id.hex()} NAME" if found.state == "whole" else None
    return {**found._asdict(), "id": id.hex(), "commit": commit_value(id, commit), "command": command}


def _rows(found: list[UnreachableHistory]) -> Iterator[tuple[str, ...]]:
    for each in found:
        summary = each.commit.summary
        holds = count(summary.files, "file") if summary.messages is None else count(summary.messages, "message")
        state = f"{each.state}, forgotten" if each.forgotten and each.state == "whole" else each.state
        yield (
            each.id.hex()[:8],
            format_time(each.commit.time),
            each.commit.ref,
            f"{each.commits:,}",
            holds,
            format_size(summary.bytes),
            state,
        )


def _show_next(output: Output, found: list[UnreachableHistory]) -> None:
    whole = [each for each in found if each.state == "whole"]
    if whole:
        newest = whole[0]
        output.note(f"To bring one back: ctx fork {newest.id.hex()[:8]} NAME")
    else:
        output.note("None of them can be brought back: their content is gone.")
