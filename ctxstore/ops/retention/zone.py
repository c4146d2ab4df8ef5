"""Time zones of calendar rules: a name of the IANA database, or a fixed offset such as ``+05:30``.

A policy records its zone, so that every machine decides about the same days.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from ctxstore.errors import InvalidInput

_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)")
_NAME = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+){0,3}")
_DATABASE = "zoneinfo/"
_SECOND = 10**9
_UTC = {"UTC", "Etc/UTC", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"}
_CYCLE = 146_097 * 86_400
"""Seconds of 400 years, after which the calendar repeats."""


def check_zone(name: str) -> str:
    """Returns the name if it is a time zone; an empty name is UTC. Raises `InvalidInput`."""
    if not isinstance(name, str):
        raise InvalidInput(f"a time zone is named by a text, not by {type(name).__name__}")
    if name and _load_zone(name) is None:
        raise InvalidInput(
            f"there is no time zone {name!r} on this machine", hint="use a name such as Europe/Berlin, or UTC"
        )
    return name


def offset_in(zone: str) -> Callable[[int], int]:
    """Returns a function from a time (UTC ns) to the zone's offset from UTC at that time (ns).

    Raises `InvalidInput` for an unknown zone.
    """
    found = _load_zone(check_zone(zone)) if zone else None
    if found is None:
        return lambda ns: 0

    def offset(ns: int) -> int:
        # A wrong clock may give any year. The same moment of the calendar's present cycle has an offset.
        moment = datetime.fromtimestamp(ns // _SECOND % _CYCLE, UTC).astimezone(found)
        difference = moment.utcoffset() or timedelta()
        return round(difference.total_seconds()) * _SECOND

    return offset


def find_local_zone(environ: Mapping[str, str]) -> str:
    """Returns the user's time zone: ``TZ``, else the system's, else the present offset from UTC. Empty for UTC."""
    candidates = [environ.get("TZ", "").lstrip(":"), _linked_zone("/etc/localtime"), _first_line("/etc/timezone")]
    for each in candidates:
        name = each.rpartition(_DATABASE)[2]
        if name and _load_zone(name) is not None:
            return "" if name in _UTC else name
    return _format_offset(time.localtime().tm_gmtoff)


def _linked_zone(path: str) -> str:
    """Returns the target of a link into the time zone database, or an empty text."""
    try:
        target = os.path.realpath(path)
    except OSError:
        return ""
    return target if _DATABASE in target else ""


def _first_line(path: str) -> str:
    """Returns the first line of a small file, or an empty text."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readline(100).strip()
    except OSError:
        return ""


def _format_offset(seconds: int) -> str:
    """Formats an offset from UTC, such as ``-08:00``. Empty for none."""
    hours, minutes = divmod(abs(seconds) // 60, 60)
    if not hours and not minutes:
        return ""
    return f"{'-' if seconds < 0 else '+'}{hours:02}:{minutes:02}"


@lru_cache(64)
def _load_zone(name: str) -> tzinfo | None:
    """Returns the time zone of this name, or None."""
    if match := _OFFSET.fullmatch(name):
        minutes = int(match[2]) * 60 + int(match[3])
        return timezone(timedelta(minutes=-minutes if match[1] == "-" else minutes)) if minutes < 24 * 60 else None
    if not _NAME.fullmatch(name):
        return None
    from zoneinfo import ZoneInfo  # costs time, and most policies have no calendar rule

    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return None
