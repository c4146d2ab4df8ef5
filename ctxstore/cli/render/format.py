"""Sizes, times and counts as a person reads them."""

from __future__ import annotations

import time


def format_size(size: int) -> str:
    """Bytes in the unit that fits."""
    if abs(size) < 1024:
        return f"{size} B"
    value, unit = size / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if abs(value) < 1023.95:  # what rounds to 1024.0 is shown in the next unit
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}"


def format_time(ns: int) -> str:
    """UTC nanoseconds in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns // 10**9))


def format_duration(ns: int) -> str:
    """How long something took."""
    seconds = ns / 1e9
    if seconds < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 file``, ``1,234 files``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
