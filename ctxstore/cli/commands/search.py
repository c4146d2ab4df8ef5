"""The command ``ctx search``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.complete import complete_contexts
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_time
from ctxstore.cli.render.output import Output, Styled, TextPiece, dim
from ctxstore.errors import Corrupt

if TYPE_CHECKING:
    from ctxstore import HoldingContext, SearchFilters, SearchHit, SearchResult

DEFAULT = 20
ROLES = ("user", "assistant", "system", "tool", "meta", "unknown")
DEFAULT_ROLES = tuple(role for role in ROLES if role != "meta")
"""The roles searched by default. Agents' own records (meta) mostly repeat messages."""

SHOWN_CONTEXTS = 3


@click.command()
@click.argument("query", nargs=-1)
@click.option(
    "--context",
    metavar="PATTERN",
    default="",
    shell_complete=complete_contexts,
    help="Search only contexts whose name matches the glob or contains the text.",
)
@click.option(
    "--agent", metavar="NAME", default="", help="Search only this agent: a part of its name, or of the source's name."
)
@click.option(
    "--project", metavar="PATTERN", default="", help="Search only this project folder: a glob or a part of its path."
)
@click.option(
    "--role",
    "roles",
    type=click.Choice(ROLES),
    multiple=True,
    help="Search only this role; can be repeated. Default: all but meta.",
)
@click.option("--since", metavar="TIME", help="Search messages from TIME on: 2026-10-01, yesterday, '2 hours ago'.")
@click.option("--until", metavar="TIME", help="Search messages until TIME.")
@click.option(
    "-n",
    "number",
    metavar="N",
    type=click.IntRange(min=0),
    default=DEFAULT,
    show_default=True,
    help="Show at most N; 0 shows all.",
)
@click.option("--index", "only_index", is_flag=True, help="Update the index and do not search.")
@click.option("--rebuild", is_flag=True, help="Rebuild the index from scratch first.")
@common_options
@pass_invocation
def command(
    invocation: Invocation, /, query: tuple[str, ...], number: int, only_index: bool, rebuild: bool, **filters: Any
) -> int:
    """Search the messages of all sessions, in their whole history. The newest messages come first.

    A message must contain all words. Queries may also contain "exact phrases", begin* for the
    beginning of a word, this OR that, and -word to exclude a word. Write words that begin with a dash after --.
    """
    if only_index == bool(query):
        raise click.UsageError("Give either words to search for or --index.")
    with invocation.open() as repo:
        parsed = _parse_filters(filters)
        with invocation.progress() as progress:
            if only_index:
                found = repo.update_index(rebuild=rebuild, progress=progress)
            else:
                found = repo.search(" ".join(query), parsed, number=number, rebuild=rebuild, progress=progress)
    if invocation.output.json:
        invocation.output.value(_value(found))
    else:
        _show(invocation.output, found, only_index=only_index)
    _warn(invocation.output, found)
    return Corrupt.exit_code if found.problems else 0


def _parse_filters(options: dict[str, Any]) -> SearchFilters:
    import time

    from ctxstore import SearchFilters
    from ctxstore.times import parse_start, parse_time

    now = time.time_ns()
    since, until = options.pop("since"), options.pop("until")
    options["roles"] = options["roles"] or DEFAULT_ROLES
    return SearchFilters(
        **options,
        since=None if since is None else parse_start(since, now),
        until=None if until is None else parse_time(until, now),
    )


def _warn(output: Output, found: SearchResult) -> None:
    for context, message in found.problems:
        output.warn(f"not searched: {context}: {message}" if context else message)
    if found.is_behind:
        output.warn("another process is updating the index: the newest messages may be missing")


def _show(output: Output, found: SearchResult, *, only_index: bool) -> None:
    for number, hit in enumerate(found.hits):
        if number:
            output.line()
        _show_hit(output, hit)
    if found.more:
        output.note(dim("Older messages are not shown: -n 0 shows all."))
    if not found.hits and not only_index:
        output.note("No message found.")
    if only_index:
        output.report("The index is up to date.")


def _show_hit(output: Output, hit: SearchHit) -> None:
    message, first = hit.message, hit.holders[0]
    name = f"{first.last.id.hex()[:8]}#{message.id}"
    style = {"user": "bold blue", "assistant": "bold green", "tool": "bold cyan"}.get(message.role, "bold")
    output.line(Styled(name, "yellow"), f"  {format_time(hit.time)}  ", Styled(message.role, style))
    output.line("  ", *_marked(hit))
    if hit.file:
        output.line(dim(f"  subagent: {hit.file}"))
    for holder in hit.holders[:SHOWN_CONTEXTS]:
        output.line(dim(f"  {holder.ref}: {_commit_range(holder)}"))
    if len(hit.holders) > SHOWN_CONTEXTS:
        output.line(dim(f"  … and in {format_count(len(hit.holders) - SHOWN_CONTEXTS, 'more context')}"))


def _marked(hit: SearchHit) -> list[TextPiece]:
    pieces: list[TextPiece] = []
    at = 0
    for start, stop in hit.snippet.hits:
        pieces += [hit.snippet.text[at:start], Styled(hit.snippet.text[start:stop], "bold red")]
        at = stop
    return [*pieces, hit.snippet.text[at:]]


def _commit_range(holder: HoldingContext) -> str:
    """Describes the commits that contain a message, such as ``3 commits, 1a2b3c4d (2026-11-30 15:29:34) to now``."""
    first = f"{holder.first.id.hex()[:8]} ({format_time(holder.first.time)})"
    last = "now" if holder.is_current else f"{holder.last.id.hex()[:8]} ({format_time(holder.last.time)}), then removed"
    return f"{format_count(holder.commits, 'commit')}, {first} to {last}"


def _value(found: SearchResult) -> dict[str, Any]:
    return {
        "hits": [_hit_value(hit) for hit in found.hits],
        "more": found.more,
        "problems": [{"ref": context, "message": message} for context, message in found.problems],
        "behind": found.is_behind,
    }


def _hit_value(hit: SearchHit) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    message = hit.message
    return {
        "message": {"id": message.id, "role": message.role, "time": message.time, "model": message.model},
        "time": iso_time(hit.time),
        "snippet": hit.snippet.text,
        "marks": [list(span) for span in hit.snippet.hits],
        "file": hit.file,
        "contexts": [_holder_value(holder) for holder in hit.holders],
    }


def _holder_value(holder: HoldingContext) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    moments = {
        name: {"commit": moment.id.hex(), "time": iso_time(moment.time), "time_ns": moment.time}
        for name, moment in (("first", holder.first), ("last", holder.last))
    }
    return {"ref": holder.ref, **moments, "commits": holder.commits, "current": holder.is_current}
