"""Saving what changes, as it changes: folders are watched, changes collected until it is quiet, then saved.

What the operating system tells of changes is a reason to look, never what is believed: it may tell nothing (too many
changes, too many folders, a folder that was replaced), so everything is looked at now and then as well.
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

Find = Callable[[], "Sequence[Target]"]
SaveTargets = Callable[["Sequence[Target]"], bool]
"""Saves targets; whether that went well."""

TICK = 0.25
"""Seconds until a change, or the end, is noticed."""

CHECK = 5.0
"""Seconds between looks whether folders came or went."""

EVERYTHING = 600.0
"""Seconds between looks at everything, told of a change or not."""

RETRY = 60.0
"""Seconds between attempts at most, while saving fails."""


class Rhythm(NamedTuple):
    """Seconds without a change before it is saved, and those after which it is saved even while changes go on."""

    quiet: float = 2.0
    most: float = 30.0


class Due:
    """When what changed is to be saved. Times are of a clock that only goes forward."""

    def __init__(self, rhythm: Rhythm) -> None:
        self._rhythm = rhythm
        self._first: float | None = None
        self._last = 0.0
        self._not_before = 0.0
        self._pause = 0.0

    def note(self, now: float) -> None:
        """Something changed."""
        self._first = now if self._first is None else self._first
        self._last = now

    def is_now(self, now: float) -> bool:
        """Whether to save."""
        if self._first is None or now < self._not_before:
            return False
        return now >= self._last + self._rhythm.quiet or now >= self._first + self._rhythm.most

    def saved(self) -> None:
        """All that was noted is saved."""
        self._first, self._pause, self._not_before = None, 0.0, 0.0

    def failed(self, now: float) -> None:
        """It could not be saved: later, and each time after a longer pause."""
        self._pause = min(RETRY, max(1.0, self._pause * 2))
        self._not_before = now + self._pause


class Watcher:
    """Watches what `find` finds, and gives what changed to `save`. What lies below `ignored` is no change."""

    def __init__(self, find: Find, save: SaveTargets, rhythm: Rhythm, ignored: str) -> None:
        self.stop = threading.Event()
        self._find, self._save = find, save
        self._ignored = os.path.realpath(ignored)
        self._rhythm = rhythm
        self._due = Due(rhythm)
        self._dirty: dict[SourceHome, Target] = {}

    def run(self) -> None:
        """Until `stop` is set; then what is noted is saved. Everything is saved first."""
        while not self.stop.is_set():
            targets = self._find()
            # What changes from now on must be told of before anything is looked at: `_follow` saves.
            self._mark(targets, time.monotonic() - self._rhythm.quiet)
            self._follow(targets)
        if self._dirty:
            self._save(list(self._dirty.values()))

    def _follow(self, targets: Sequence[Target]) -> None:
        """Save changes below `targets` until they are others, or have to be looked at anyway."""
        stamps = _stamps(targets)
        started = checked = time.monotonic()
        for paths in self._changes([path for path in stamps if os.path.isdir(path)]):
            now = time.monotonic()
            self._mark([target for target in targets if self._is_below(target.root.path, paths)], now)
            if self._due.is_now(now):
                self._try_to_save(now)
            if any(path in stamps for path in paths):
                return  # a root itself: it may be gone, and another in its place with the same number
            if now >= checked + CHECK:
                checked = now
                if now >= started + EVERYTHING or _stamps(self._find()) != stamps:
                    return

    def _mark(self, targets: Sequence[Target], now: float) -> None:
        for target in targets:
            self._dirty[target.root] = target
            self._due.note(now)

    def _try_to_save(self, now: float) -> None:
        if not self._dirty:
            return
        # What changes meanwhile is noted again by then: it waits in the queue of the operating system.
        if self._save(list(self._dirty.values())):
            self._dirty.clear()
            self._due.saved()
        else:
            self._due.failed(now)

    def _is_below(self, root: str, paths: Sequence[str]) -> bool:
        real = os.path.realpath(root)
        return any(path == top or path.startswith(os.path.join(top, "")) for path in paths for top in (root, real))

    def _changes(self, folders: Sequence[str]) -> Iterator[list[str]]:
        """The paths that changed, an empty list now and then, until `stop` is set."""
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
            self.stop.wait(TICK)  # one went just now
        except (OSError, RuntimeError):
            # No more folders can be watched: they are looked at now and then.
            until = time.monotonic() + RETRY
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
    """What tells a root from one that took its place; of a single file also whether it changed."""
    stamps = {}
    for target in targets:
        path = target.root.path
        try:
            status = os.stat(path)
        except OSError:
            continue
        times = () if os.path.isdir(path) else (status.st_mtime_ns, status.st_size)
        stamps[path] = (status.st_dev, status.st_ino, *times)
    return stamps
