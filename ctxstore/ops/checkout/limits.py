"""The warnings about what the target's file system could not keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

SHOWN = 3
"""The paths of links that a warning names."""


def iter_warnings(target: str, unsupported: Mapping[str, int], missing_links: Sequence[str]) -> Iterator[str]:
    """Yields a warning for each kind of thing that the file system at `target` refused."""
    for what in ("modes", "times", "owners"):
        if count := unsupported.get(what, 0):
            yield f"the file system of {target} does not keep {what}: {count:,} not set"
    if missing_links:
        more = f" and {len(missing_links) - SHOWN:,} more" if len(missing_links) > SHOWN else ""
        names = ", ".join(missing_links[:SHOWN])
        yield f"the file system of {target} has no symbolic links: {names}{more} not restored"
    if unsupported.get("sync", 0):
        yield f"the file system of {target} can't be synced: a power cut may lose what was restored"
