"""Codex's threads that share history: a thread taken back to an earlier turn, and a fork."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from tests.sources.homes.codex import DAY, PROJECT, spoken
from tests.sources.homes.home_files import write

PARENT = "01a1fe93-25aa-7411-af45-67414ff5d701"
SEGMENT = "01a1fe93-25aa-7411-af45-67414ff5d702"
FORK = "01a1fe93-25aa-7411-af45-67414ff5d703"
FOLDER = f"sessions/{DAY.replace('-', '/')}"
PARENT_KEY = f"{FOLDER}/rollout-{DAY}T09-00-00-{PARENT}.jsonl"
SEGMENT_KEY = f"{FOLDER}/rollout-{DAY}T10-00-00-{PARENT}_{SEGMENT}.jsonl"
FORK_KEY = f"{FOLDER}/rollout-{DAY}T11-00-00-{FORK}.jsonl"
PARENT_CONTEXT, FORK_CONTEXT = f"codex/{DAY}/{PARENT}", f"codex/{DAY}/{FORK}"


class Lines(NamedTuple):
    """The lines of a rollout, and the ordinal of the next one."""

    text: str
    next: int

    def meta(self, thread: str, **fields: Any) -> Lines:
        session = {"id": thread, "session_id": thread, "cwd": PROJECT, "source": "cli", "history_mode": "paginated"}
        return self._add("session_meta", {**session, **fields})

    def turn(self, question: str, answer: str) -> Lines:
        asked = self._add("response_item", spoken("user", question))
        return asked._add("response_item", spoken("assistant", answer))

    def _add(self, kind: str, payload: Any) -> Lines:
        record = {"timestamp": f"{DAY}T09:00:00.000Z", "ordinal": self.next, "type": kind, "payload": payload}
        return Lines(self.text + json.dumps(record, separators=(",", ":")) + "\n", self.next + 1)

    def base(self, file: str) -> dict[str, Any]:
        """Returns the position after these lines, as later rollouts name it."""
        size = len(self.text.encode())
        return {"thread_id": file, "end_ordinal_exclusive": self.next, "end_byte_offset": size}


def start(ordinal: int = 0) -> Lines:
    return Lines("", ordinal)


FIRST = start().meta(PARENT).turn("Oil the wheels é", "Oiled.")
WHOLE = FIRST.turn("Paint them", "Red.")


def segment(**fields: Any) -> Lines:
    """Returns the parent's rollout after its second turn was taken back."""
    return start(FIRST.next).meta(PARENT, **fields).turn("Polish them", "Polished.")


def fork(of: Lines = FIRST, file: str = PARENT, thread: str = FORK, parent: str = PARENT) -> Lines:
    """Returns the rollout of a fork."""
    return (
        start(of.next).meta(thread, forked_from_id=parent, history_base=of.base(file)).turn("And gears?", "Those too.")
    )


def make(home: Path, *, reverted: bool = True, forked: bool = True) -> None:
    """Writes the threads below `home`."""
    files = {PARENT_KEY: WHOLE.text}
    if reverted:
        files[SEGMENT_KEY] = segment(history_base=FIRST.base(PARENT)).text
    if forked:
        files[FORK_KEY] = fork().text
    write(home / ".codex", files)
