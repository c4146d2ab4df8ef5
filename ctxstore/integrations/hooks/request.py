"""Converts a call of a hook into requests to save sessions."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

MAX_CHARACTERS = 4096
"""The limit for a text in a payload. Longer texts are ignored."""

SESSION_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")

CATCH_UP = frozenset({"SessionStart", "SessionEnd"})
"""The events that save everything of the agent: sessions missed so far, memories, settings."""

NOTES = {"PreCompact": "before it was compacted"}


class Request(NamedTuple):
    """A request to save a session of the agent whose files are at `root`. An empty `session` saves all its data.

    `session` is a name in the form of `ctx snapshot --session`. An empty `repo` selects the user's own repository.
    """

    agent: str
    root: str
    label: str
    repo: str
    session: str = ""
    note: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """The fields that identify the request: all but the note."""
        return (self.agent, self.root, self.label, self.repo, self.session)


def parse_payload(payload: bytes) -> dict[str, Any]:
    """Returns the JSON object that the agent sent, or an empty one if it is invalid."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def parse_requests(agent: str, event: str, repo: str, payload: bytes, environ: Mapping[str, str]) -> list[Request]:
    """Returns the requests of a call, for each home of the agent: first its session, then everything.

    A call without a session id requests everything. If the agent has no home, the list is empty.
    """
    from ctxstore.sources.registry import get_source

    values = parse_payload(payload)
    event = event or payload_text(values, "hook_event_name")
    session = payload_text(values, "session_id") or payload_text(values, "thread-id")
    is_known = SESSION_ID.fullmatch(session) is not None
    found = []
    for root in get_source(agent).discover(environ):
        everything = Request(agent, root.path, root.label, repo)
        if is_known and event != "SessionStart":  # at the start the session is empty
            name = session_context(agent, session, payload_text(values, "transcript_path"), root.path)
            found.append(everything._replace(session=name, note=NOTES.get(event, "")))
        if event in CATCH_UP or not is_known:
            found.append(everything)
    return found


def payload_text(values: Mapping[str, Any], name: str) -> str:
    """Returns a text of a payload. Returns an empty string if it is missing, too long or not a text."""
    value = values.get(name)
    return value if isinstance(value, str) and len(value) <= MAX_CHARACTERS and "\0" not in value else ""


def session_context(agent: str, session: str, transcript: str, root: str) -> str:
    """Returns the name of a session's context, or the start of its last part."""
    below = os.path.relpath(transcript, root) if os.path.isabs(transcript) else ""
    parts = below.split(os.sep)
    if agent == "claude-code":
        is_usual = len(parts) == 3 and (parts[0], parts[2]) == ("projects", f"{session}.jsonl")
        return f"claude-code/{parts[1]}/{session}" if is_usual else session
    if agent == "codex":
        from ctxstore.sources.codex.rollouts import rollout_of

        rollout = rollout_of(below)
        # A later rollout of a thread does not have the day that names the context.
        is_first = rollout is not None and rollout.thread == session and not rollout.segment
        return rollout.context if rollout and is_first else session
    from ctxstore.sources.gemini.names import short_id

    return short_id(session)  # file names of Gemini contain only this part of the id
