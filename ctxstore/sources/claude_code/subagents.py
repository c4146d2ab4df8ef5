"""Which session a subagent's transcript belongs to, in the layout that kept them side by side."""

from __future__ import annotations

_KEY = b'"sessionId":"'
_HEAD = 1 << 14
"""A first line says its session within its first keys, before any content."""


def owner_of(path: str) -> str | None:
    """The session named by the first line of `path`; ``None`` when it can't be told."""
    try:
        with open(path, "rb", buffering=0) as file:
            line = file.read(_HEAD).partition(b"\n")[0]
    except OSError:
        return None
    _, found, rest = line.partition(_KEY)
    value, closed, _ = rest.partition(b'"')
    plain = value.replace(b"-", b"").replace(b"_", b"")
    # The id becomes a part of a context's name: nothing but letters, digits, - and _ may get there.
    return value.decode("ascii") if found and closed and plain.isalnum() and value.isascii() else None
