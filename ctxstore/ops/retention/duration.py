"""Durations as people write them: ``30d``, ``12h``, ``1y6m``. A month is 30 days, a year 365 days."""

from __future__ import annotations

import re

from ctxstore.errors import InvalidInput

HOUR = 3600 * 10**9
DAY = 24 * HOUR

_UNITS = {"y": 365 * DAY, "m": 30 * DAY, "w": 7 * DAY, "d": DAY, "h": HOUR}
_DURATION = re.compile("".join(rf"(?:(?P<{unit}>[0-9]{{1,7}}){unit})?" for unit in _UNITS))

LONGEST = 1000 * _UNITS["y"]
"""The longest accepted duration (ns)."""


def parse_duration(text: str) -> int:
    """Returns the nanoseconds of a duration: years, months, weeks, days and hours in this order, each at most once.

    Raises `InvalidInput`.
    """
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise InvalidInput(
            f"{text!r} is not a duration",
            hint="write 30d, 12h, 2w, 6m (months of 30 days), 1y (365 days), or several: 1y6m",
        )
    duration = sum(int(number) * _UNITS[unit] for unit, number in match.groupdict("0").items())
    return check_duration(duration, text)


def check_duration(duration: int, text: str = "") -> int:
    """Returns the duration (ns) if it is in the accepted range. Raises `InvalidInput` if not."""
    if not 0 < duration <= LONGEST:
        problem = "too short" if duration <= 0 else "too long"
        raise InvalidInput(f"the duration {text or format_duration(duration)} is {problem}", hint="use 1h to 1000y")
    return duration


def format_duration(duration: int) -> str:
    """Formats a duration (ns) in the largest unit of years, days and hours that divides it. Others are in seconds."""
    for unit in "ydh":
        number, rest = divmod(duration, _UNITS[unit])
        if number and not rest:
            return f"{number}{unit}"
    return f"{duration / 10**9:g}s"
