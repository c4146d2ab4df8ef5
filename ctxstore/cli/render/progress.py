"""A progress bar for long work on a terminal: amount, rate, time left. Short work shows none."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ctxstore.cli.render.printable import is_terminal
from ctxstore.progress import SILENT, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

DELAY = 0.5
"""Seconds before the bar appears. Shorter work avoids the cost of importing rich."""

INTERVAL = 0.1


@contextmanager
def show_progress(*, quiet: bool) -> Iterator[Progress]:
    """Yields a progress bar on stderr, or a silent one if `quiet` or stderr is not a terminal."""
    if quiet or not is_terminal(sys.stderr):
        yield SILENT
        return
    bar = Bar()
    try:
        yield bar
    finally:
        bar.close()


class Bar:
    """A progress bar that appears after `DELAY`. Phases named ``… (things)`` count things, others bytes."""

    def __init__(self) -> None:
        self._next = time.monotonic() + DELAY
        self._shown: RichProgress | None = None
        self._task: TaskID | None = None
        self._phase = ""
        self._total: int | None = None
        self._done = 0

    def start(self, what: str, total: int | None) -> None:
        self._phase, self._total, self._done = what, total, 0

    def advance(self, amount: int) -> None:
        self._done += amount
        if time.monotonic() >= self._next:
            self._draw()

    def done(self) -> None:
        self._drop_task()

    def close(self) -> None:
        """Removes the bar from the terminal."""
        if self._shown is not None:
            self._shown.stop()
            self._shown = None

    def _draw(self) -> None:
        self._next = time.monotonic() + INTERVAL
        if self._shown is None or self._task is None:
            self._drop_task()
            self._show()
        assert self._shown is not None and self._task is not None
        self._shown.update(self._task, completed=self._done)

    def _show(self) -> None:
        counts = re.fullmatch(r"(.*) \((\w+)\)", self._phase)
        if self._shown is not None:
            self._shown.stop()
        self._shown = _columns(items=counts[2] if counts else "")
        self._shown.start()
        self._task = self._shown.add_task(counts[1] if counts else self._phase, total=self._total)

    def _drop_task(self) -> None:
        if self._shown is not None and self._task is not None:
            self._shown.remove_task(self._task)
        self._task = None


def _columns(items: str) -> RichProgress:
    from rich import progress as p
    from rich.console import Console

    columns: list[p.ProgressColumn] = [p.TextColumn("{task.description}"), p.BarColumn(bar_width=30)]
    if items:
        columns.append(p.TextColumn("{task.completed:,} " + items))
    else:
        columns += [p.DownloadColumn(binary_units=True), p.TransferSpeedColumn(), p.TimeRemainingColumn()]
    return p.Progress(*columns, console=Console(stderr=True), transient=True)
