"""The names of Codex's transcripts, which it calls rollouts.

``sessions/2026/01/31/rollout-2026-01-31T09-30-00-<thread>.jsonl``: the time is the one the thread was started at, and
stays when the file moves to ``archived_sessions/`` or is packed (``.jsonl.zst``). Day and thread name the context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

SESSIONS, ARCHIVED = "sessions", "archived_sessions"
PACKED = ".zst"

_NAME = re.compile(
    r"rollout-(?P<day>\d{4}-\d\d-\d\d)T(?P<time>\d\d-\d\d-\d\d)-(?P<thread>[0-9A-Za-z][0-9A-Za-z-]{0,63})"
    r"\.jsonl(?P<packed>\.zst)?"
)


class Rollout(NamedTuple):
    """The parts of a rollout's name: `day` as in ``2026-01-31``, `time` as in ``09-30-00``."""

    day: str
    time: str
    thread: str
    packed: bool

    @property
    def context(self) -> str:
        """The context it belongs to."""
        return f"codex/{self.day}/{self.thread}"

    @property
    def key(self) -> str:
        """Its path below the home."""
        folder = self.day.replace("-", "/")
        return f"{SESSIONS}/{folder}/rollout-{self.day}T{self.time}-{self.thread}.jsonl{PACKED if self.packed else ''}"


def rollout_of(key: str) -> Rollout | None:
    """Returns the rollout of a file, by its name or key; ``None`` if it is none."""
    found = _NAME.fullmatch(key.rpartition("/")[2])
    return Rollout(found["day"], found["time"], found["thread"], bool(found["packed"])) if found else None


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns the rollout of a context's messages.

    As Codex does it: one in use before an archived one, a plain one before its packed copy.
    """
    own = [key for key in keys if (rollout := rollout_of(key)) and rollout.context == context]
    return max(own, key=_rank, default=None)


def _rank(key: str) -> tuple[bool, bool, str]:
    return not key.startswith(ARCHIVED), not key.endswith(PACKED), key
