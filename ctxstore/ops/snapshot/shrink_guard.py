"""The test for contexts that lost much of what their parent commit had."""

from typing import NamedTuple

from ctxstore.history.commits import Summary
from ctxstore.ids import ObjectId

SHRUNK_BELOW = 0.5
"""A context with less than this part of what it had before lost something."""
SHRUNK_FROM = 4
"""… if it had at least this many messages."""
SHRUNK_FROM_BYTES = 4096


class Shrunk(NamedTuple):
    """A context that lost much: `before` and `after` in `unit` (messages or bytes), and the commit before it."""

    ref: str
    before: int
    after: int
    unit: str
    last_good: ObjectId


def find_shrink(name: str, before: Summary, after: Summary, head: ObjectId) -> Shrunk | None:
    """Compare a context with its parent commit: how much it lost, or None if it kept most of what it had."""
    if before.messages is not None and before.messages >= SHRUNK_FROM:
        now = after.messages or 0
        if now < before.messages * SHRUNK_BELOW:
            return Shrunk(name, before.messages, now, "messages", head)
    elif before.bytes >= SHRUNK_FROM_BYTES and after.bytes < before.bytes * SHRUNK_BELOW:
        return Shrunk(name, before.bytes, after.bytes, "bytes", head)
    return None
