"""The decision when to save changes that keep coming."""

from __future__ import annotations

from typing import NamedTuple

MAX_RETRY_DELAY = 60.0
"""The longest time in seconds between attempts, while saving fails."""


class SaveDelays(NamedTuple):
    """The delays before saving, in seconds: after the last change, and at most after the first one."""

    debounce: float = 2.0
    max_delay: float = 30.0


class SaveTimer:
    """Decides when to save the pending changes of one target. Times are from a monotonic clock."""

    def __init__(self, delays: SaveDelays) -> None:
        self._delays = delays
        self._first: float | None = None
        self._last = 0.0
        self._not_before = 0.0
        self._retry_delay = 0.0

    @property
    def is_pending(self) -> bool:
        """Whether there are changes to save."""
        return self._first is not None

    def note_change(self, now: float) -> None:
        """Records a change."""
        self._first = now if self._first is None else self._first
        self._last = now

    def is_due(self, now: float) -> bool:
        """Whether to save now."""
        if self._first is None or now < self._not_before:
            return False
        return now >= self._last + self._delays.debounce or now >= self._first + self._delays.max_delay

    def note_begun(self) -> None:
        """Records that a save of all changes so far has begun. Changes from now on need another one."""
        self._first = None

    def note_saved(self) -> None:
        """Records that the save succeeded."""
        self._retry_delay, self._not_before = 0.0, 0.0

    def note_failed(self, now: float) -> None:
        """Records a failed save. Each further failure doubles the delay before the next attempt."""
        self._first = now if self._first is None else self._first
        self._retry_delay = min(MAX_RETRY_DELAY, max(1.0, self._retry_delay * 2))
        self._not_before = now + self._retry_delay
