"""The age at which Claude Code deletes sessions: ``cleanupPeriodDays`` in its settings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from ctxstore.sources.content import json_object

DEFAULT = 30
MANAGED = ("/etc/claude-code", "/Library/Application Support/ClaudeCode")
"""The folders of an administrator's settings, on Linux and macOS. These settings override the user's."""

_LIMIT = 1 << 20


def kept_days(folder: str, managed: Sequence[str] = MANAGED) -> int:
    """Returns the days after its last use when the Claude Code at `folder` deletes a session."""
    found = (_days_in(path) for path in _settings(folder, managed))
    return next((days for days in found if days is not None), DEFAULT)


def _settings(folder: str, managed: Sequence[str]) -> Iterator[str]:
    """Lists the files of settings. The first one that has a valid value decides."""
    for place in managed:
        parts = os.path.join(place, "managed-settings.d")
        try:
            names = sorted(os.listdir(parts), reverse=True)
        except OSError:
            names = []
        yield from (os.path.join(parts, name) for name in names if name.endswith(".json"))
        yield os.path.join(place, "managed-settings.json")
    yield os.path.join(folder, "settings.json")


def _days_in(path: str) -> int | None:
    try:
        with open(path, "rb") as file:
            days = json_object(file.read(_LIMIT)).get("cleanupPeriodDays")
    except OSError:
        return None
    # Claude Code rejects 0 and then uses the next value.
    return days if type(days) is int and 0 < days < 1_000_000 else None
