"""The agent's side of a checkout into its home."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ctxstore.ids import ObjectId
from ctxstore.ops.checkout.running_agents import AgentProcess
from ctxstore.sources.resumable import IndexEntry

SaveFirst = Callable[[Sequence[str]], ObjectId | None]
"""Saves what is there, with the files that are about to be overwritten; the op. Raises if one can't be saved."""


class ResumeTarget(NamedTuple):
    """The agent's side of a checkout into its home.

    `root`: where it keeps its sessions. `index_entries`: what it must be told. `session`: the new id, if it gets one;
    `command`: how to go on from it. `find_running`: who may be using it now. `save_first` saves what is there, when
    what is there is to become exactly what was; `save` saves what was pending_file.
    """

    root: str
    index_entries: tuple[IndexEntry, ...] = ()
    session: str = ""
    command: str = ""
    find_running: Callable[[], Sequence[AgentProcess]] = tuple
    save_first: SaveFirst | None = None
    save: Callable[[], ObjectId | None] | None = None
