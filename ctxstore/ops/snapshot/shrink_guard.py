"""The shrink guard: finds contexts that lost much of their content since their last commit."""

from typing import NamedTuple

from ctxstore.history.commits import Summary
from ctxstore.ids import ObjectId

SHRUNK_BELOW = 0.5
"""A context is reported as shrunk if less than this share of its messages (or bytes) remains …"""
SHRUNK_FROM = 4
"""… and it had at least this many messages before."""
SHRUNK_FROM_BYTES = 4096
"""The same threshold for contexts whose number of messages is unknown or small, in bytes."""


class Shrunk(NamedTuple):
    """A context that lost much of its content.

    `before` and `after` are counted in `unit` (messages or bytes). `last_good` is the commit before the loss.
    """

    ref: str
    before: int
    after: int
    unit: str
    last_good: ObjectId


def find_shrink(name: str, before: Summary, after: Summary, head: ObjectId) -> Shrunk | None:
    """Returns a report if the new summary shows much less content than the one before, else None."""
    if before.messages is not None and before.messages >= SHRUNK_FROM:
        now = after.messages or 0
        if now < before.messages * SHRUNK_BELOW:
            return Shrunk(name, before.messages, now, "messages", head)
    elif before.bytes >= SHRUNK_FROM_BYTES and after.bytes < before.bytes * SHRUNK_BELOW:
        return Shrunk(name, before.bytes, after.bytes, "bytes", head)
    return None
