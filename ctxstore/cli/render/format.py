"""Formats sizes, times and counts for people."""

from __future__ import annotations

import time


def format_size(size: int) -> str:
    """Formats a number of bytes in a suitable unit: ``1.5 MiB``."""
    if abs(size) < 1024:
        return f"{size} B"
    value, unit = size / 1024, "KiB"
    for larger in ("MiB", "GiB", "TiB"):
        if abs(value) < 1023.95:  # 1023.95 would be shown as 1024.0
            break
        value, unit = value / 1024, larger
    return f"{value:.1f} {unit}"


def format_time(ns: int) -> str:
    """Formats nanoseconds since 1970 as local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns // 10**9))


def format_duration(ns: int) -> str:
    """Formats a duration in nanoseconds: ``6 ms``, ``1.5 s``, ``2 min 05 s``."""
    seconds = ns / 1e9
    if seconds < 1:
        return f"{max(1, round(seconds * 1000))} ms"
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Formats a number with its noun: ``1 file``, ``1,234 files``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
