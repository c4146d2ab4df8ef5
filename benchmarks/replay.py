"""The replay of a corpus: transcripts in successive versions, written to a home.

A corpus is a folder with `steps.json` (a list of `{time, agent, session, oid, size}`, oldest first) and
`blobs/`. The file `blobs/<oid>` is the session's complete transcript after that step.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

FOLDERS = {
    "Copilot CLI": ".copilot/session-state/{session}.jsonl",
    "OpenCode": ".local/share/opencode/export/{session}.json",
    "Gemini CLI": ".gemini/tmp/0a1b2c/chats/session-{session}.json",
}
CLAUDE = ".claude/projects/-work-project/{session}.jsonl"


@dataclass(frozen=True)
class Step:
    """One version of one session: the blob that contains it, and the agent's path for it below the home."""

    blob: Path
    path: str


def read_steps(corpus: Path) -> list[Step]:
    """Returns the corpus's steps, oldest first."""
    records = json.loads((corpus / "steps.json").read_bytes())
    started: dict[str, str] = {}
    steps = []
    for record in records:
        # A session's file keeps the name that its first step gave it.
        begin = started.setdefault(record["session"], record["time"])
        path = agent_path(record["agent"], record["session"], begin)
        steps.append(Step(corpus / "blobs" / record["oid"], path))
    return steps


def agent_path(agent: str, session: str, started: str) -> str:
    """Returns the path of a session's transcript below the home."""
    if agent == "Codex":
        day, stamp = started[:10].replace("-", "/"), started[:19].replace(":", "-")
        return f".codex/sessions/{day}/rollout-{stamp}-{session}.jsonl"
    return FOLDERS.get(agent, CLAUDE).format(session=session)


def split_batches(steps: list[Step], batches: int) -> list[list[Step]]:
    """Splits the steps into `batches` consecutive parts of nearly equal length."""
    edges = [round(len(steps) * at / batches) for at in range(batches + 1)]
    return [steps[begin:end] for begin, end in pairwise(edges) if end > begin]


def apply(steps: list[Step], home: Path) -> int:
    """Writes the steps' files. Returns the number of bytes written."""
    written = 0
    for step in steps:
        target = home / step.path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(step.blob, target)
        written += target.stat().st_size
    return written
