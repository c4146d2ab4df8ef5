"""The name of a project's folder below ``projects``, as Claude Code makes it from the project's path."""

from __future__ import annotations

LONGEST = 200
"""A longer name is cut here, and a hash of the path tells it from others."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def encode_project(path: str) -> str:
    """``-`` for all but ASCII letters and digits; two for a character that JavaScript counts as two."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" * (1 + (c > "\uffff")) for c in path)
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}-{_hash(path)}"


def _hash(path: str) -> str:
    """In base 36, the size of a signed 32-bit number: times 31 plus the next UTF-16 unit, for each."""
    units = path.encode("utf-16-le", "surrogatepass")
    number = 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        number = (number * 31 + low + 256 * high) & 0xFFFFFFFF
    number = min(number, (1 << 32) - number)
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
