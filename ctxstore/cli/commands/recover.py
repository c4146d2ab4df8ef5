"""The command ``ctx recover``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.commands.log import content_count
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_size, format_time
from ctxstore.cli.render.output import Output

if TYPE_CHECKING:
    from ctxstore import UnreachableHistory

HEADER = ("COMMIT", "TIME", "CONTEXT", "COMMITS", "CONTENT", "SIZE", "STATE")


@click.command()
@click.option("--all", "all_", is_flag=True, help="List every unreachable commit, not only the newest of each history.")
@common_options
@pass_invocation
def command(invocation: Invocation, all_: bool) -> None:
    """List unreachable commits: commits that no context and no tag leads to.

    They are left by `ctx drop`, `ctx undo` or an interrupted run. `ctx fork COMMIT NAME` restores one.
    """
    output = invocation.output
    with invocation.open() as repo:
        found = list(repo.iter_unreachable(all=all_))
    if output.json:
        output.value({"commits": [_value(each) for each in found]})
        return
    if not found:
        output.note("No unreachable commits.")
        return
    output.table(HEADER, _rows(found), right="COMMITS SIZE", fit="CONTEXT")
    _show_next(output, found)


def _value(found: UnreachableHistory) -> dict[str, Any]:
    from ctxstore.cli.render.json import commit_value

    id = found.id.hex()
    command = f"ctx fork {id} NAME" if found.state == "whole" else None
    return {**found._asdict(), "id": id, "commit": commit_value(found.id, found.commit), "command": command}


def _rows(found: list[UnreachableHistory]) -> Iterator[tuple[str, ...]]:
    for each in found:
        summary = each.commit.summary
        yield (
            each.id.hex()[:8],
            format_time(each.commit.time),
            each.commit.ref,
            f"{each.commits:,}",
            content_count(summary),
            format_size(summary.bytes),
            _state(each),
        )


def _state(found: UnreachableHistory) -> str:
    if found.state != "whole":
        return found.state
    return "intact, forgotten" if found.forgotten else "intact"


def _show_next(output: Output, found: list[UnreachableHistory]) -> None:
    intact = [each for each in found if each.state == "whole"]
    if intact:
        output.note(f"To restore one: ctx fork {intact[0].id.hex()[:8]} NAME")
    else:
        output.note("None of them can be restored: their content is lost.")
