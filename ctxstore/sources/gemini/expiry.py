"""The age at which Gemini CLI deletes sessions: ``general.sessionRetention`` in its settings."""

from __future__ import annotations

import json
import os
import re
from typing import Any

DEFAULT = "30d"
_MINIMUM = "1d"
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24}
_LIMIT = 1 << 20
_COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


def kept_days(folder: str) -> int | None:
    """Returns the whole days after its last change when the Gemini CLI at `folder` deletes a session.

    Returns ``None`` if age deletes no session: deletion is off, or Gemini CLI rejects its settings.
    """
    settings = _settings(os.path.join(folder, "settings.json"))
    if settings.get("enabled", True) is not True:
        return None
    hours = _hours(settings.get("maxAge", DEFAULT))
    least = _hours(settings.get("minRetention")) or _hours(_MINIMUM)
    return hours // 24 if hours and least and hours >= least else None


def _hours(period: Any) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([dhwm])", period) if isinstance(period, str) else None
    return int(match[1]) * _HOURS[match[2]] if match else 0


def _settings(path: str) -> dict[str, Any]:
    """Returns the settings for deletion. A file that can't be read has none. Comments are allowed."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = _COMMENTS.sub(lambda match: match[1] or " ", file.read(_LIMIT))
        value = json.loads(text)["general"]["sessionRetention"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}
