"""The agent's side of a checkout into its home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.running_agents import AgentProcess
from ctxstore.sources.resumable import IndexEntry

SaveFirst = Callable[[Sequence[str]], ObjectId | None]
"""A callback that saves the present state, including the files about to be overwritten, and returns the id of the run.

It raises if one of these files can't be saved.
"""


class ResumeTarget(NamedTuple):
    """The agent's side of a checkout into its home.

    - `home`: the folder where the agent keeps its sessions.
    - `index_entries`: the entries to add to the agent's session index.
    - `session`: the id of the new session, if one is made.
    - `command`: the shell command that resumes the session.
    - `find_running`: finds the processes that may be using the session now.
    - `save_first`: saves the present state. Given for a restore in place, which overwrites that state.
    - `save`: saves the newly made session.
    """

    home: str
    index_entries: tuple[IndexEntry, ...] = ()
    session: str = ""
    command: str = ""
    find_running: Callable[[], Sequence[AgentProcess]] = tuple
    save_first: SaveFirst | None = None
    save: Callable[[], ObjectId | None] | None = None
