"""Saves changes as they happen: watches folders, collects changes until they pause, and saves them.

Notifications of the operating system are only hints to scan a folder. Some are missing: of too many changes, too many
folders, or a replaced folder. So all folders are scanned from time to time as well.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ctxstore.errors import SourceError
from ctxstore.integrations.save_timer import SaveDelays, SaveTimer
from ctxstore.integrations.savers import Savers, SaveTargets

if TYPE_CHECKING:
    from ctxstore import SourceHome, Target

FindTargets = Callable[[], "Sequence[Target]"]

TICK = 0.25
"""Seconds between checks for changes and for the end."""

TARGETS_INTERVAL = 5.0
"""Seconds between searches for new and removed targets."""

SCAN_INTERVAL = 600.0
"""Seconds between scans of all targets, regardless of notifications."""

POLL_INTERVAL = 5.0
"""Seconds between scans of all targets while the system does not let us watch all folders."""

PROBE_INTERVAL = 30.0
"""Seconds between checks whether one more folder could be watched. If not, new folders are not watched."""


class Watcher:
    """Watches the targets that `find` returns, and passes changed ones to `save`. Ignores changes below `ignored`."""

    def __init__(
        self, find: FindTargets, save: SaveTargets, delays: SaveDelays, ignored: str, warn: Callable[[str], None]
    ) -> None:
        self.stop = threading.Event()
        self._find = find
        self._ignored = os.path.realpath(ignored)
        self._delays = delays
        self._warn = warn
        self._savers = Savers(save, warn)
        self._timers: dict[SourceHome, tuple[Target, SaveTimer]] = {}
        self._is_polling = False

    def run(self) -> None:
        """Saves all targets, then their changes, until `stop` is set. Saves pending changes before it returns."""
        while not self.stop.is_set():
            targets = self._find()
            # Mark only: `_follow` saves after it has subscribed to notifications, so that no change is missed.
            self._mark(targets, time.monotonic() - self._delays.debounce)
            self._follow(targets)
        for target, timer in self._timers.values():
            if timer.is_pending:
                self._savers.add(target)
        self._savers.finish()

    def _follow(self, targets: Sequence[Target]) -> None:
        """Saves changes below `targets`, until the targets themselves change or the next scan is due."""
        stamps = _stamps(targets)
        started = checked = time.monotonic()
        probed = started - PROBE_INTERVAL
        interval = SCAN_INTERVAL
        for paths in self._changes([path for path in stamps if os.path.isdir(path)]):
            now = time.monotonic()
            self._mark([target for target in targets if self._is_below(target.home.path, paths)], now)
            self._save_due(now)
            if any(path in stamps for path in paths):
                return  # a target itself: it may have been replaced by a folder with the same inode number
            if now >= probed + PROBE_INTERVAL:
                probed = now
                interval = SCAN_INTERVAL if self._can_watch(next(filter(os.path.isdir, stamps), "")) else POLL_INTERVAL
            if now >= checked + TARGETS_INTERVAL:
                checked = now
                if now >= started + interval or _stamps(self._find()) != stamps:
                    return

    def _mark(self, targets: Sequence[Target], now: float) -> None:
        for target in targets:
            timer = self._timers[target.home][1] if target.home in self._timers else SaveTimer(self._delays)
            self._timers[target.home] = target, timer
            timer.note_change(now)

    def _save_due(self, now: float) -> None:
        # Changes made meanwhile are not lost: their notifications wait in the queue of the operating system.
        for target, timer in self._timers.values():
            if timer.is_due(now) and not self._savers.has(target.home):
                timer.note_begun()
                self._savers.add(target)
        for target, is_saved, _ in self._savers.advance():
            timer = self._timers[target.home][1]
            if is_saved:
                timer.note_saved()
            else:
                timer.note_failed(now)

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
        except (OSError, RuntimeError) as error:
            self._note_polling(str(error))
            until = time.monotonic() + POLL_INTERVAL
            while time.monotonic() < until and not self.stop.wait(TICK):
                yield []

    def _can_watch(self, folder: str) -> bool:
        """Whether the system lets this user watch one more folder. If not, some folders are silently not watched."""
        from watchfiles._rust_notify import RustNotify

        try:
            if folder:
                RustNotify([folder], False, False, 300, False, False).close()
        except FileNotFoundError:
            pass
        except (OSError, RuntimeError) as error:
            self._note_polling(str(error))
            return False
        self._note_polling("")
        return True

    def _note_polling(self, reason: str) -> None:
        """Reports once that the system refuses to watch the folders, and once that it no longer does."""
        if bool(reason) == self._is_polling:
            return
        self._is_polling = bool(reason)
        if not reason:
            self._warn("all folders are watched again")
            return
        self._warn(
            f"not all folders can be watched, so all files are compared every {POLL_INTERVAL:g} s: "
            f"{reason.partition(' about ')[0]}; raise fs.inotify.max_user_watches or fs.inotify.max_user_instances"
        )


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
