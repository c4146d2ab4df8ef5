"""The agent's side of a checkout into its home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.running_agents import AgentProcess
from ctxstore.sources.resumable import IndexEntry


class ResumeTarget(NamedTuple):
    """The agent's side of a checkout into its home.

    - `home`: the folder where the agent keeps its sessions.
    - `index_entries`: the entries to add to the agent's session index.
    - `session`: the id of the new session, if one is made.
    - `command`: the shell command that resumes the session.
    - `find_running`: finds the processes that may be using the session now.
    - `save`: saves the newly made session.
    """

    home: str
    index_entries: tuple[IndexEntry, ...] = ()
    session: str = ""
    command: str = ""
    find_running: Callable[[], Sequence[AgentProcess]] = tuple
    save: Callable[[], ObjectId | None] | None = None
