"""``ctx watch``."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from ctxstore.cli.invocation import Invocation, common, pass_invocation
from ctxstore.cli.render.format import count, format_time
from ctxstore.cli.render.output import Output, Styled
from ctxstore.errors import CtxstoreError

if TYPE_CHECKING:
    from ctxstore.ops.snapshot.snapshot import SnapshotReport
    from ctxstore.ops.snapshot.targets import Target

VARIABLES = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "XDG_DATA_HOME", "CTX_REPO")
"""Variables that decide what is saved where: a unit has them as they are now."""


class Seconds(click.FloatRange):
    """A time to wait."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is no number of seconds.", param, ctx)
        return found


SECONDS = Seconds(min=0.1, max=3600)


@click.command()
@click.argument("what", metavar="[SOURCE|PATH]...", nargs=-1)
@click.option("--debounce", metavar="SECONDS", type=SECONDS, default=2, help="Save after so long without a change. (2)")
@click.option("--max-delay", metavar="SECONDS", type=SECONDS, default=30, help="Save after so long in any case. (30)")
@click.option("--systemd", "unit", flag_value="systemd", help="Print a systemd unit that does this.")
@click.option("--launchd", "unit", flag_value="launchd", help="Print a property list for launchd that does this.")
@common
@pass_invocation
def command(invocation: Invocation, what: tuple[str, ...], debounce: float, max_delay: float, unit: str | None) -> int:
    """Save what changes, as it changes, until it is stopped: of every agent, or of the sources and paths named.

    Where saving fails it is tried again. SIGTERM ends it with 0, when what changed is saved; Ctrl-C at once.
    """
    from ctxstore.ops.snapshot.targets import find_targets

    paths = [name for name in what if not _is_source(name)]
    if paths:
        find_targets(paths, os.environ)
    if unit is not None:
        _print_unit(invocation, unit, what, (debounce, max_delay))
        return 0
    _watch(invocation, what, debounce, max_delay)
    return 0


def _is_source(name: str) -> bool:
    """Whether it names an agent, which may not be here yet."""
    from ctxstore.ops.snapshot.targets import split_name

    source, path = split_name(name)
    return bool(source) and not path


def _watch(invocation: Invocation, what: Sequence[str], debounce: float, max_delay: float) -> None:
    from ctxstore.cli.repository import open_or_make
    from ctxstore.integrations.watch import Rhythm, Watcher, load

    load()
    place = invocation.place()
    saving = Saving(invocation.output, lambda: open_or_make(place)[0])
    watcher = Watcher(
        partial(_find, invocation, what, saving), saving, Rhythm(debounce, max(debounce, max_delay)), place.path
    )
    before = signal.signal(signal.SIGTERM, lambda *_: watcher.stop.set())
    try:
        watcher.run()
    finally:
        signal.signal(signal.SIGTERM, before)


def _find(invocation: Invocation, what: Sequence[str], saving: Saving) -> list[Target]:
    """What is there of it now. A source or path may come later, or go."""
    from ctxstore.errors import NotFound
    from ctxstore.ops.snapshot.targets import add_known_projects, find_targets

    found: list[Target] = []
    for names in ([name] for name in what) if what else ([],):
        try:
            found += find_targets(names, invocation.environ)
        except NotFound:
            pass
    return found if what else add_known_projects(found, saving.known)


class Saving:
    """Takes a snapshot and says so in a line. That it fails is told once, and once that it goes on.

    `known`: the projects that were saved before.
    """

    def __init__(self, output: Output, open_repo: Callable[[], Any]) -> None:
        self._output = output
        self._open = open_repo
        self._failing = ""
        with open_repo() as repo:
            self.known = repo.known_projects()

    def __call__(self, targets: Sequence[Target]) -> bool:
        """Whether it went well."""
        try:
            with self._open() as repo:
                report = repo.snapshot(targets)
                if report.op is not None:
                    repo.apply_retention()
                self.known = repo.known_projects()
        except (CtxstoreError, OSError) as error:
            self._tell_failure(str(error))
            return False
        if self._failing:
            self._output.note("Saving works again.")
            self._failing = ""
        self._tell(report)
        return True

    def _tell_failure(self, message: str) -> None:
        if message != self._failing:
            self._failing = message
            self._output.warn(f"not saved, trying again: {message}")
            sys.stderr.flush()

    def _tell(self, report: SnapshotReport) -> None:
        if report.op is None:
            return
        if self._output.json:
            commits = [{"ref": ref, "id": id.hex()} for ref, id in report.commits]
            self._output.value({"op": report.op.hex(), "time_ns": report.time, "commits": commits})
        else:
            names = [ref for ref, _ in report.commits]
            what = names[0] if len(names) == 1 else count(len(names), "context")
            op = Styled(f"op:{report.op.hex()[:8]}", "yellow")
            self._output.report(f"{format_time(report.time)}  ", op, f"  {what}")
        sys.stdout.flush()


def _print_unit(invocation: Invocation, unit: str, what: Sequence[str], rhythm: tuple[float, float]) -> None:
    from ctxstore.integrations.service_units import LABEL, launchd_plist, systemd_unit
    from ctxstore.integrations.supported_agents import find_ctx

    paths = [name if _is_source(name) else os.path.abspath(name) for name in what]
    place = ["--repo", os.path.abspath(invocation.repo)] if invocation.repo else []
    options = [f"--debounce={rhythm[0]:g}", f"--max-delay={rhythm[1]:g}"]
    line = [find_ctx(sys.argv[0]), "watch", "--quiet", *place, *options, "--", *paths]
    environ = {name: os.environ[name] for name in VARIABLES if os.environ.get(name)}
    if invocation.output.json:
        make = systemd_unit if unit == "systemd" else launchd_plist
        invocation.output.value({"unit": unit, "text": make(line, environ)})
    elif unit == "systemd":
        invocation.output.text(systemd_unit(line, environ).rstrip("\n"))
        invocation.output.note("Save it as ~/.config/systemd/user/ctx-watch.service, then:")
        invocation.output.note("  systemctl --user enable --now ctx-watch")
    else:
        invocation.output.text(launchd_plist(line, environ).rstrip("\n"))
        invocation.output.note(f"Save it as ~/Library/LaunchAgents/{LABEL}.plist, then:")
        invocation.output.note(f"  launchctl load -w ~/Library/LaunchAgents/{LABEL}.plist")
