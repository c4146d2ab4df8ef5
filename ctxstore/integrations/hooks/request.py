"""What a call of a hook asks for."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

LONGEST = 4096
"""Characters of anything an agent says about itself that are believed."""

SESSIONS = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")

CATCH_UP = frozenset({"SessionStart", "SessionEnd"})
"""Events at which all of the agent's data is looked at: what was missed, its memories, its settings."""

NOTES = {"PreCompact": "before it was compacted", "PreCompress": "before it was compacted"}


class Request(NamedTuple):
    """What is to be saved: of the agent whose files lie at `root`, the session of that name (as `ctx snapshot
    --session` has it) or, if it is empty, everything; into `repo` (empty: the user's own)."""

    agent: str
    root: str
    label: str
    repo: str
    session: str = ""
    note: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What two requests that ask for the same have in common."""
        return self[:-1]


def parse_payload(payload: bytes) -> dict[str, Any]:
    """What the agent says, or nothing."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def requests_of(agent: str, event: str, repo: str, payload: bytes, environ: Mapping[str, str]) -> list[Request]:
    """What a call asks for, the session first. Without a session it is everything; where the agent isn't, nothing."""
    from ctxstore.sources.registry import get_source

    said = parse_payload(payload)
    event = event or text_of(said, "hook_event_name")
    session = text_of(said, "session_id") or text_of(said, "thread-id")
    is_known = SESSIONS.fullmatch(session) is not None
    found = []
    for root in get_source(agent).discover(environ):
        everything = Request(agent, root.path, root.label, repo)
        if is_known and event != "SessionStart":  # at the start nothing was said yet
            name = context_of(agent, session, text_of(said, "transcript_path"), root.path)
            found.append(everything._replace(session=name, note=NOTES.get(event, "")))
        if event in CATCH_UP or not is_known:
            found.append(everything)
    return found


def text_of(said: Mapping[str, Any], name: str) -> str:
    """A short text an agent says, or an empty one."""
    value = said.get(name)
    return value if isinstance(value, str) and len(value) <= LONGEST and "\0" not in value else ""


def context_of(agent: str, session: str, transcript: str, root: str) -> str:
    """The name of a session's context, or what its last part starts with."""
    below = os.path.relpath(transcript, root) if os.path.isabs(transcript) else ""
    parts = below.split(os.sep)
    if agent == "claude-code":
        is_usual = len(parts) == 3 and (parts[0], parts[2]) == ("projects", f"{session}.jsonl")
        return f"claude-code/{parts[1]}/{session}" if is_usual else session
    if agent == "codex":
        from ctxstore.sources.codex.rollouts import rollout_of

        rollout = rollout_of(below)
        return rollout.context if rollout and rollout.thread == session else session
    from ctxstore.sources.gemini.names import short_id

    return short_id(session)  # all that Gemini's files have of it in their names
