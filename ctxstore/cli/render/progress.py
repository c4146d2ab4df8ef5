"""Long work shown on a terminal: bytes, rate, time left. Short work and pipes see nothing."""

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

PATIENCE = 0.5
"""Seconds before anything is shown; what is over by then has not loaded what draws it."""

INTERVAL = 0.1


@contextmanager
def watch(*, quiet: bool) -> Iterator[Progress]:
    """What shows progress on stderr, if that is a terminal."""
    if quiet or not is_terminal(sys.stderr):
        yield SILENT
        return
    bar = Bar()
    try:
        yield bar
    finally:
        bar.close()


class Bar:
    """A line that appears when work takes long. Phases named ``… (things)`` count things, others bytes."""

    def __init__(self) -> None:
        self._next = time.monotonic() + PATIENCE
        self._shown: RichProgress | None = None
        self._task: TaskID | None = None
        self._what = ""
        self._total: int | None = None
        self._done = 0

    def start(self, what: str, total: int | None) -> None:
        self._what, self._total, self._done = what, total, 0

    def advance(self, amount: int) -> None:
        self._done += amount
        if time.monotonic() >= self._next:
            self._draw()

    def done(self) -> None:
        self._drop_task()

    def close(self) -> None:
        """Clear the line."""
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
        counts = re.fullmatch(r"(.*) \((\w+)\)", self._what)
        if self._shown is not None:
            self._shown.stop()
        self._shown = _columns(items=counts[2] if counts else "")
        self._shown.start()
        self._task = self._shown.add_task(counts[1] if counts else self._what, total=self._total)

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
