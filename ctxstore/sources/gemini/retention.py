"""When Gemini CLI deletes sessions by itself."""

from __future__ import annotations

import json
import os
import re
from typing import Any

DEFAULT = "30d"
_MINIMUM = "1d"
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "m": 30 * 24}
_MAX_SIZE = 1 << 20
_COMMENTS = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)


def kept_days(root: str) -> int | None:
    """Whole days a session is kept after it was changed last; ``None``: for good, or until there are too many.

    As `general.sessionRetention` says: on by default, and off where it makes no sense to Gemini CLI.
    """
    settings = _retention(os.path.join(root, "settings.json"))
    if settings.get("enabled", True) is not True:
        return None
    hours = _hours(settings.get("maxAge", DEFAULT))
    least = _hours(settings.get("minRetention")) or _hours(_MINIMUM)
    return hours // 24 if hours and least and hours >= least else None


def _hours(period: Any) -> int:
    match = re.fullmatch(r"([0-9]{1,6})([dhwm])", period) if isinstance(period, str) else None
    return int(match[1]) * _HOURS[match[2]] if match else 0


def _retention(path: str) -> dict[str, Any]:
    """The settings, which may hold comments; none if they can't be read: then Gemini CLI doesn't start with them."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = _COMMENTS.sub(lambda match: match[1] or " ", file.read(_MAX_SIZE))
        value = json.loads(text)["general"]["sessionRetention"]
    except (OSError, ValueError, RecursionError, LookupError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}
