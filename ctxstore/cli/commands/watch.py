"""The command ``ctx watch``."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common_options, pass_invocation
from ctxstore.cli.render.format import format_count, format_time
from ctxstore.cli.render.output import Output, Styled
from ctxstore.errors import CtxstoreError

if TYPE_CHECKING:
    from ctxstore import SnapshotReport, SourceHome, Target


class Seconds(click.FloatRange):
    """A number of seconds. Rejects NaN, which `click.FloatRange` accepts."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return found


SECONDS = Seconds(min=0.1, max=3600)


@click.command()
@click.argument("names", metavar="[SOURCE|PATH]...", nargs=-1)
@click.option(
    "--debounce", metavar="SECONDS", type=SECONDS, default=2, help="Save after this time without changes. [default: 2]"
)
@click.option(
    "--max-delay",
    metavar="SECONDS",
    type=SECONDS,
    default=30,
    help="Save after this time even if changes continue. [default: 30]",
)
@click.option("--systemd", "unit", flag_value="systemd", help="Print a systemd unit that runs this command.")
@click.option("--launchd", "unit", flag_value="launchd", help="Print a launchd property list that runs this command.")
@common_options
@pass_invocation
def command(invocation: Invocation, names: tuple[str, ...], debounce: float, max_delay: float, unit: str | None) -> int:
    """Save changes as they happen, until stopped: of all agents, or of the named sources and paths.

    A failed save is retried. SIGTERM saves pending changes first, and exits with 0. Ctrl-C stops at once.
    """
    from ctxstore.ops.snapshot.targets import find_targets

    paths = [name for name in names if not _is_source(name)]
    if paths:
        find_targets(paths, os.environ)
    if unit is not None:
        _print_unit(invocation, unit, names, debounce, max_delay)
        return 0
    _watch(invocation, names, debounce, max_delay)
    return 0


def _is_source(name: str) -> bool:
    """Whether the name is an agent. An agent may be missing now and appear later; a path must exist."""
    from ctxstore.ops.snapshot.targets import split_name

    source, path = split_name(name)
    return bool(source) and not path


def _watch(invocation: Invocation, names: Sequence[str], debounce: float, max_delay: float) -> None:
    from ctxstore.cli.repository import open_or_create
    from ctxstore.integrations.save_timer import SaveDelays
    from ctxstore.integrations.watch import Watcher, import_watch

    import_watch()
    location = invocation.location()
    saver = Saver(invocation.output, lambda: open_or_create(location)[0])
    watcher = Watcher(
        partial(_find, invocation, names, saver),
        saver,
        SaveDelays(debounce, max(debounce, max_delay)),
        location.path,
        saver.warn,
    )
    before = signal.signal(signal.SIGTERM, lambda *_: watcher.stop.set())
    try:
        watcher.run()
    finally:
        signal.signal(signal.SIGTERM, before)


def _find(invocation: Invocation, names: Sequence[str], saver: Saver) -> list[Target]:
    """Returns the existing targets. Sources and paths may appear or disappear while the command runs."""
    from ctxstore.errors import NotFound
    from ctxstore.ops.snapshot.targets import add_known_projects, find_targets

    found: list[Target] = []
    for selection in ([name] for name in names) if names else ([],):
        try:
            found += find_targets(selection, invocation.environ)
        except NotFound:
            pass
    return found if names else add_known_projects(found, saver.known)


class Saver:
    """Takes snapshots, also in several threads, and prints one line for each.

    Reports the first failure and the recovery, not every attempt. `known` contains the projects that were saved before.
    """

    def __init__(self, output: Output, open_repo: Callable[[], Any]) -> None:
        self._output = output
        self._open = open_repo
        self._failures: dict[tuple[SourceHome, ...], str] = {}
        self._lock = threading.Lock()
        with open_repo() as repo:
            self.known = repo.known_projects()

    def __call__(self, targets: Sequence[Target]) -> bool:
        """Takes a snapshot. Returns whether it succeeded."""
        homes = tuple(target.home for target in targets)
        try:
            with self._open() as repo:
                report = repo.snapshot(targets)
                if report.op is not None:
                    repo.apply_retention()
                self.known = repo.known_projects()
        except (CtxstoreError, OSError) as error:
            self._report_failure(homes, str(error))
            return False
        with self._lock:
            if self._failures.pop(homes, None) is not None and not self._failures:
                self._output.note("Saving works again.")
            self._report(report)
        return True

    def warn(self, message: str) -> None:
        """Prints a warning at once."""
        self._output.warn(message)
        sys.stderr.flush()

    def _report_failure(self, homes: tuple[SourceHome, ...], message: str) -> None:
        with self._lock:
            is_known = message in self._failures.values()
            self._failures[homes] = message
            if not is_known:
                self.warn(f"not saved, retrying: {message}")

    def _report(self, report: SnapshotReport) -> None:
        for damaged in (each for source in report.sources for each in source.damaged):
            self._output.warn(f"{damaged.ref}: its commit {damaged.commit.hex()[:8]} is damaged; run `ctx repair`")
        if report.op is None:
            return
        if self._output.json:
            commits = [{"ref": ref, "id": id.hex()} for ref, id in report.commits]
            self._output.value({"op": report.op.hex(), "time_ns": report.time, "commits": commits})
        else:
            names = [ref for ref, _ in report.commits]
            subject = names[0] if len(names) == 1 else format_count(len(names), "context")
            op = Styled(f"op:{report.op.hex()[:8]}", "yellow")
            self._output.report(f"{format_time(report.time)}  ", op, f"  {subject}")
        sys.stdout.flush()


def _print_unit(invocation: Invocation, unit: str, names: Sequence[str], debounce: float, max_delay: float) -> None:
    from ctxstore.integrations.service_units import LABEL, launchd_plist, service_variables, systemd_unit
    from ctxstore.integrations.supported_agents import find_ctx

    paths = [name if _is_source(name) else os.path.abspath(name) for name in names]
    repo_option = ["--repo", os.path.abspath(invocation.repo)] if invocation.repo else []
    options = [f"--debounce={debounce:g}", f"--max-delay={max_delay:g}"]
    line = [find_ctx(sys.argv[0]), "watch", "--quiet", *repo_option, *options, "--", *paths]
    environ = service_variables(invocation.environ)
    if invocation.output.json:
        make = systemd_unit if unit == "systemd" else launchd_plist
        invocation.output.value({"unit": unit, "text": make(line, environ)})
    elif unit == "systemd":
        invocation.output.text(systemd_unit(line, environ).rstrip("\n"))
        invocation.output.note("Save this as ~/.config/systemd/user/ctx-watch.service, then run:")
        invocation.output.note("  systemctl --user enable --now ctx-watch")
    else:
        invocation.output.text(launchd_plist(line, environ).rstrip("\n"))
        invocation.output.note(f"Save this as ~/Library/LaunchAgents/{LABEL}.plist, then run:")
        invocation.output.note(f"  launchctl load -w ~/Library/LaunchAgents/{LABEL}.plist")
