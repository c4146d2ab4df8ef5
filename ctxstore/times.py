"""The parsing of times as people write them."""

from __future__ import annotations

import re
from datetime import datetime

from ctxstore.errors import InvalidInput, require_text

_AGO = re.compile(r"([0-9]{1,12})\s*(s|sec|m|min|h|hour|d|day|w|week)s?(\s+ago)?\Z")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def parse_time(text: str, now: int) -> int:
    """Returns a written time as UTC nanoseconds. A date or clock time becomes its last nanosecond.

    Accepts an ISO date or time (local time if it has no zone), ``yesterday``, ``2 hours ago``, or ``@`` and
    nanoseconds since 1970. `now` is in nanoseconds. Raises `InvalidInput`.
    """
    relative, start = _parse_moment(text, now)
    return relative if relative is not None else start + _span(text.strip()) - 1


def parse_start(text: str, now: int) -> int:
    """Parses a time like `parse_time`, but a date or clock time to its first nanosecond. Raises `InvalidInput`."""
    relative, start = _parse_moment(text, now)
    return relative if relative is not None else start


def _parse_moment(text: str, now: int) -> tuple[int | None, int]:
    """Returns (moment, _) for a relative or exact time, and (None, start) for a calendar date or clock time."""
    require_text(text, "a time")
    text = text.strip()
    if text == "now":
        return now, now
    if re.fullmatch(r"@[0-9]{1,30}", text):
        return int(text[1:]), 0
    if text == "yesterday":
        return now - 86400 * 10**9, 0
    if ago := _AGO.match(text):
        return now - int(ago[1]) * _UNITS[ago[2][0]] * 10**9, 0
    try:
        moment = datetime.fromisoformat(text)
        return None, int(moment.astimezone().timestamp()) * 10**9 + moment.microsecond * 1000
    except (ValueError, OverflowError) as error:
        raise InvalidInput(
            f"{text!r} is not a time", hint="write 2026-10-01, 2026-10-01T12:30, yesterday or '2 hours ago'"
        ) from error


def _span(text: str) -> int:
    """Returns how many nanoseconds a written time covers: a date its whole day, a time its whole second or minute.

    The log shows times to the second, so a time that is copied from it must cover that whole second.
    """
    if re.fullmatch(r"[\d-]+|\d+-?W[\d-]+", text):
        return 86400 * 10**9
    if fraction := re.search(r"[.,](\d+)", text):
        return int(10 ** max(3, 9 - len(fraction[1])))
    clock = re.split(r"[T ]", text, maxsplit=1)[-1]
    clock = re.split(r"[Z+-]", clock, maxsplit=1)[0].replace(":", "")
    return {2: 3600, 4: 60}.get(len(clock), 1) * 10**9
