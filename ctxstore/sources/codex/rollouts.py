"""The names of Codex's transcripts, which it calls rollouts.

``sessions/2026/01/31/rollout-2026-01-31T09-30-00-<thread>.jsonl``: the time is the one the thread was started at, and
stays when the file moves to ``archived_sessions/`` or is packed (``.jsonl.zst``). Day and thread name the context.

After turns were taken back, Codex writes a thread's next records to a second rollout,
``rollout-<time>-<thread>_<segment>.jsonl``. All rollouts of a thread belong to one context; the newest one is the
transcript.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

SESSIONS, ARCHIVED = "sessions", "archived_sessions"
PACKED = ".zst"

_NAME = re.compile(
    r"rollout-(?P<day>\d{4}-\d\d-\d\d)T(?P<time>\d\d-\d\d-\d\d)-(?P<thread>[0-9A-Za-z][0-9A-Za-z-]{0,63})"
    r"(?:_(?P<segment>[0-9A-Za-z][0-9A-Za-z-]{0,63}))?\.jsonl(?P<packed>\.zst)?"
)


class Rollout(NamedTuple):
    """The parts of a rollout's name: `day` as in ``2026-01-31``, `time` as in ``09-30-00``.

    `segment` is the id of a later rollout of its thread; the first one has none.
    """

    day: str
    time: str
    thread: str
    packed: bool
    segment: str = ""

    @property
    def id(self) -> str:
        """The id by which other rollouts name it as the base of their history."""
        return self.segment or self.thread

    @property
    def context(self) -> str:
        """The name of the context of the rollout. For a segment, the name contains the day of the thread's first
        rollout."""
        return f"codex/{self.day}/{self.thread}"

    @property
    def key(self) -> str:
        """The path of the rollout below the home."""
        folder = self.day.replace("-", "/")
        name = f"{self.thread}_{self.segment}" if self.segment else self.thread
        return f"{SESSIONS}/{folder}/rollout-{self.day}T{self.time}-{name}.jsonl{PACKED if self.packed else ''}"


def rollout_of(key: str) -> Rollout | None:
    """Returns the parts of a rollout's name or key, or None if the file is not a rollout."""
    found = _NAME.fullmatch(key.rpartition("/")[2])
    if not found:
        return None
    return Rollout(found["day"], found["time"], found["thread"], bool(found["packed"]), found["segment"] or "")


def rollouts_of(context: str, keys: Iterable[str]) -> list[str]:
    """Returns the keys of a context's rollouts, the newest one last.

    If a rollout has copies, the one that Codex uses comes last. Codex prefers an active copy to an archived one, and a
    plain copy to a packed one.
    """
    thread = context.rpartition("/")[2]
    own = {key: rollout for key in keys if (rollout := rollout_of(key)) and rollout.thread == thread}
    return sorted(own, key=lambda key: _rank(key, own[key]))


def transcript_key(context: str, keys: Iterable[str]) -> str | None:
    """Returns the key of the rollout with a context's messages, which is the newest one of its thread. Returns None if
    there is none."""
    own = rollouts_of(context, keys)
    return own[-1] if own else None


def _rank(key: str, rollout: Rollout) -> tuple[bool, str, str, bool, bool, str]:
    started = (bool(rollout.segment), rollout.day, rollout.time)
    return *started, not key.startswith(ARCHIVED), not rollout.packed, key
