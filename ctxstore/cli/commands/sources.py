"""The command ``ctx sources``."""

from __future__ import annotations

import os
import time
from contextlib import nullcontext
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.hook_failures import warn_of_failure
from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_size, format_time
from ctxstore.cli.render.output import Output, bold, dim
from ctxstore.cli.render.source_report import show_fact, show_names

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ctxstore import Expiry, FoundHome, Repo, SourcesReport

WIDTH = 80


@click.command()
@common_options
@pass_invocation
def command(invocation: Invocation) -> None:
    """List the agents found on this machine, and what is not saved yet.

    Shows the location, number and size of their sessions, and when the agent deletes them. Nothing is saved.
    """
    from ctxstore.ops.snapshot.sources_report import survey

    now = time.time_ns()  # the clock that file times come from
    with _open(invocation) as repo:
        found = repo.survey(invocation.environ, now) if repo else survey(None, invocation.environ, now)
        path = repo.path if repo else None
    if invocation.output.json:
        invocation.output.value(_value(found, path))
    else:
        _render(invocation.output, found, is_saved=path is not None)
        warn_of_failure(invocation.output)


def _open(invocation: Invocation) -> AbstractContextManager[Repo | None]:
    """Opens the repository. Yields None if it is the user's own and does not exist yet."""
    location = invocation.location()
    if location.is_default and not os.path.exists(location.path):
        return nullcontext()
    return invocation.open()


def _render(output: Output, found: SourcesReport, *, is_saved: bool) -> None:
    for home in found.found:
        _show_home(output, home, is_saved=is_saved)
    if found.missing:
        agents = sorted({agent for _, agent in found.missing}, key=str.lower)
        for line in wrap(f"Not found: {', '.join(agents)}", WIDTH, subsequent_indent=" " * 11):
            output.line(dim(line))
    for source in found.broken:
        output.warn(f"source {source.source!r} failed: {source.reason}")
    for skipped in (skipped for home in found.found for skipped in home.skipped if skipped.failed):
        output.warn(f"not readable: {skipped.path}: {skipped.reason}")
    unsaved = sum(len(home.new) + len(home.changed) for home in found.found)
    if unsaved:
        output.note(dim(f"{format_count(unsaved, 'context')} not saved yet: run `ctx snapshot`."))


def _show_home(output: Output, home: FoundHome, *, is_saved: bool) -> None:
    output.line(bold(home.agent), f"  {home.root}")
    oldest = f", oldest {_day(home.oldest)}" if home.oldest is not None else ""
    show_fact(output.line, "sessions", home.sessions, format_size(home.bytes) + oldest)
    if home.expiry:
        _show_expiry(output, home.agent, home.expiry)
    if home.saved:
        show_fact(output.line, "saved", home.saved, _noun(home.saved), style="green")
    if not is_saved:
        show_fact(output.line, "not saved", len(home.new), _noun(len(home.new)), style="yellow")
        return
    show_names(output.line, "new", "yellow", home.new)
    show_names(output.line, "changed", "yellow", home.changed)


def _show_expiry(output: Output, agent: str, expiry: Expiry) -> None:
    if expiry.soon:
        show_fact(output.line, "expiring", expiry.soon, "within 7 days", style="red")
    following = f" (next: {_day(expiry.next)})" if expiry.next is not None else ""
    output.line(f"  {agent} deletes sessions after {format_count(expiry.kept_days, 'day')}{following}")


def _noun(number: int) -> str:
    return "context" if number == 1 else "contexts"


def _day(ns: int) -> str:
    return format_time(ns)[:10]


def _value(found: SourcesReport, path: str | None) -> dict[str, Any]:
    return {
        "repository": path,
        "sources": [_home_value(home) for home in found.found],
        "missing": [{"source": source, "agent": agent} for source, agent in found.missing],
        "failed": [each._asdict() for each in found.broken],
    }


def _home_value(home: FoundHome) -> dict[str, Any]:
    from ctxstore.cli.render.json import iso_time

    def time_values(name: str, ns: int | None) -> dict[str, Any]:
        return {name: iso_time(ns) if ns is not None else None, f"{name}_ns": ns}

    expiry = home.expiry
    return {
        **home._asdict(),
        **time_values("oldest", home.oldest),
        "expiry": {"kept_days": expiry.kept_days, **time_values("next", expiry.next), "within_7_days": expiry.soon}
        if expiry
        else None,
        "skipped": [skipped._asdict() for skipped in home.skipped],
    }
