"""Saves changes as they happen: watches folders, collects changes until they pause, and saves them.

Notifications of the operating system are only hints to scan a folder. Some are missing: of too many changes, too many
folders, or a replaced folder. So all folders are scanned from time to time as well.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxstore.errors import SourceError

if TYPE_CHECKING:
    from ctxstore import SourceHome, Target

FindTargets = Callable[[], "Sequence[Target]"]
SaveTargets = Callable[["Sequence[Target]"], bool]
"""Saves targets, and returns whether that succeeded."""

TICK = 0.25
"""Seconds between checks for changes and for the end."""

TARGETS_INTERVAL = 5.0
"""Seconds between searches for new and removed targets."""

SCAN_INTERVAL = 600.0
"""Seconds between scans of all targets, regardless of notifications."""

MAX_RETRY_DELAY = 60.0
"""The longest time in seconds between attempts, while saving fails."""


class SaveDelays(NamedTuple):
    """The delays before saving, in seconds: after the last change, and at most after the first one."""

    debounce: float = 2.0
    max_delay: float = 30.0


class SaveTimer:
    """Decides when to save pending changes. Times are from a monotonic clock."""

    def __init__(self, delays: SaveDelays) -> None:
        self._delays = delays
        self._first: float | None = None
        self._last = 0.0
        self._not_before = 0.0
        self._retry_delay = 0.0

    def note_change(self, now: float) -> None:
        """Records a change."""
        self._first = now if self._first is None else self._first
        self._last = now

    def is_due(self, now: float) -> bool:
        """Whether to save now."""
        if self._first is None or now < self._not_before:
            return False
        return now >= self._last + self._delays.debounce or now >= self._first + self._delays.max_delay

    def note_saved(self) -> None:
        """Records that all changes are saved."""
        self._first, self._retry_delay, self._not_before = None, 0.0, 0.0

    def note_failed(self, now: float) -> None:
        """Records a failed save. Each further failure doubles the delay before the next attempt."""
        self._retry_delay = min(MAX_RETRY_DELAY, max(1.0, self._retry_delay * 2))
        self._not_before = now + self._retry_delay


class Watcher:
    """Watches the targets that `find` returns, and passes changed ones to `save`. Ignores changes below `ignored`."""

    def __init__(self, find: FindTargets, save: SaveTargets, delays: SaveDelays, ignored: str) -> None:
        self.stop = threading.Event()
        self._find, self._save = find, save
        self._ignored = os.path.realpath(ignored)
        self._delays = delays
        self._timer = SaveTimer(delays)
        self._dirty: dict[SourceHome, Target] = {}

    def run(self) -> None:
        """Saves all targets, then their changes, until `stop` is set. Saves pending changes before it returns."""
        while not self.stop.is_set():
            targets = self._find()
            # Mark only: `_follow` saves after it has subscribed to notifications, so that no change is missed.
            self._mark(targets, time.monotonic() - self._delays.debounce)
            self._follow(targets)
        if self._dirty:
            self._save(list(self._dirty.values()))

    def _follow(self, targets: Sequence[Target]) -> None:
        """Saves changes below `targets`, until the targets themselves change or the next scan is due."""
        stamps = _stamps(targets)
        started = checked = time.monotonic()
        for paths in self._changes([path for path in stamps if os.path.isdir(path)]):
            now = time.monotonic()
            self._mark([target for target in targets if self._is_below(target.home.path, paths)], now)
            if self._timer.is_due(now):
                self._try_to_save(now)
            if any(path in stamps for path in paths):
                return  # a target itself: it may have been replaced by a folder with the same inode number
            if now >= checked + TARGETS_INTERVAL:
                checked = now
                if now >= started + SCAN_INTERVAL or _stamps(self._find()) != stamps:
                    return

    def _mark(self, targets: Sequence[Target], now: float) -> None:
        for target in targets:
            self._dirty[target.home] = target
            self._timer.note_change(now)

    def _try_to_save(self, now: float) -> None:
        if not self._dirty:
            return
        # Changes made meanwhile are not lost: their notifications wait in the queue of the operating system.
        if self._save(list(self._dirty.values())):
            self._dirty.clear()
            self._timer.note_saved()
        else:
            self._timer.note_failed(now)

    def _is_below(self, root: str, paths: Sequence[str]) -> bool:
        real = os.path.realpath(root)
        return any(path == top or path.startswith(os.path.join(top, "")) for path in paths for top in (root, real))

    def _changes(self, folders: Sequence[str]) -> Iterator[list[str]]:
        """Yields lists of changed paths until `stop` is set. Yields an empty list if nothing changes."""
        if not folders:
            while not self.stop.wait(TICK):
                yield []
            return
        tick = round(TICK * 1000)
        try:
            for changes in import_watch()(
                *folders,
                watch_filter=lambda _, path: not self._is_below(self._ignored, [path]),
                debounce=tick,
                step=tick,
                rust_timeout=2 * tick,
                yield_on_timeout=True,
                stop_event=self.stop,
                ignore_permission_denied=True,
            ):
                yield [path for _, path in changes]
        except FileNotFoundError:
            self.stop.wait(TICK)  # a folder was removed meanwhile
        except (OSError, RuntimeError):
            # The limit of watched folders is reached: wait for the next scan.
            until = time.monotonic() + MAX_RETRY_DELAY
            while time.monotonic() < until and not self.stop.wait(TICK):
                yield []


def import_watch() -> Any:
    """Returns `watchfiles.watch`. Raises `SourceError` if the library is not installed."""
    try:
        from watchfiles import watch
    except ImportError as error:
        raise SourceError("the library watchfiles is not installed", hint="pip install 'ctxstore[watch]'") from error
    return watch


def _stamps(targets: Sequence[Target]) -> dict[str, tuple[int, ...]]:
    """Returns values that identify each target, to detect a replacement. For single files, they include changes."""
    stamps = {}
    for target in targets:
        path = target.home.path
        try:
            status = os.stat(path)
        except OSError:
            continue
        times = () if os.path.isdir(path) else (status.st_mtime_ns, status.st_size)
        stamps[path] = (status.st_dev, status.st_ino, *times)
    return stamps
