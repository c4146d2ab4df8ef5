"""The saving of several targets, in threads: one after the other, but none waits for one that takes long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ctxstore import SourceHome, Target

SaveTargets = Callable[["Sequence[Target]"], bool]
"""Saves targets, and returns whether that succeeded."""

PATIENCE = 5.0
"""Seconds after which the next target is saved beside one that is still being saved."""

SLOW = 60.0
"""Seconds after which a target that is still being saved is reported."""


class _Running:
    """A save in progress: its target, its start, and whether it was reported as slow."""

    __slots__ = ("is_reported", "started", "target")

    def __init__(self, target: Target, started: float) -> None:
        self.target, self.started, self.is_reported = target, started, False


class Saved(NamedTuple):
    """A save that has ended. `error` is an unexpected one, to be raised."""

    target: Target
    is_saved: bool
    error: BaseException | None = None


class Savers:
    """Saves targets in threads of their own. A file or a source that does not answer blocks one thread only."""

    def __init__(self, save: SaveTargets, warn: Callable[[str], None]) -> None:
        self._save, self._warn = save, warn
        self._waiting: dict[SourceHome, Target] = {}
        self._running: dict[SourceHome, _Running] = {}
        self._ended: SimpleQueue[Saved] = SimpleQueue()

    def has(self, home: SourceHome) -> bool:
        """Whether the target at this home is being saved, or waits for that."""
        return home in self._waiting or home in self._running

    def add(self, target: Target) -> None:
        """Adds a target to those that wait."""
        self._waiting[target.home] = target

    def advance(self) -> Iterator[Saved]:
        """Starts the next save, and yields those that have ended."""
        while True:
            try:
                ended = self._ended.get_nowait()
            except Empty:
                break
            del self._running[ended.target.home]
            if ended.error is not None:
                raise ended.error
            yield ended
        now = time.monotonic()
        self._report_slow(now)
        if self._waiting and all(now >= each.started + PATIENCE for each in self._running.values()):
            self._start(self._waiting.pop(next(iter(self._waiting))), now)

    def finish(self) -> None:
        """Saves what waits and returns, without waiting for a save that takes more than `SLOW` seconds."""
        while self._waiting or any(time.monotonic() < each.started + SLOW for each in self._running.values()):
            for _ in self.advance():
                pass
            time.sleep(0.01)

    def _start(self, target: Target, now: float) -> None:
        self._running[target.home] = _Running(target, now)
        threading.Thread(target=self._run, args=(target,), daemon=True).start()

    def _run(self, target: Target) -> None:
        try:
            self._ended.put(Saved(target, self._save([target])))
        except BaseException as error:
            self._ended.put(Saved(target, False, error))

    def _report_slow(self, now: float) -> None:
        for each in self._running.values():
            if now >= each.started + SLOW and not each.is_reported:
                each.is_reported = True
                self._warn(f"{each.target.home.path}: not saved after {SLOW:g} s, still trying; the others are saved")
