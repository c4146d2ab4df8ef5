"""A report of the agents' data on this machine: its size, its unsaved part, and when agents will delete it.

Only the agents' settings are read, not their sessions. Unlike a snapshot, the report needs no repository.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import CtxstoreError, InvalidInput
from ctxstore.history.engine import Engine
from ctxstore.ops.snapshot.known_projects import known_projects
from ctxstore.ops.snapshot.last_saved import LastSaved
from ctxstore.ops.snapshot.targets import Target, add_known_projects
from ctxstore.sources.agents import AGENTS
from ctxstore.sources.protocol import Expiring, FoundContext, Skipped, Source, SourceHome
from ctxstore.sources.registry import get_source, iter_source_names

DAY = 86_400 * 10**9
SOON_DAYS = 7
"""Sessions that the agent deletes within this many days are counted for a warning."""


class Expiry(NamedTuple):
    """The automatic deletion of old sessions by an agent.

    - `kept_days`: the days from the last change of a session to its deletion.
    - `next`: the time (ns) when the next session is due. Overdue sessions are deleted when the agent next starts.
    - `soon`: the number of sessions that are due within `SOON_DAYS` days.
    """

    kept_days: int
    next: int | None
    soon: int


class FoundHome(NamedTuple):
    """The data in one home. A session is a context that has a conversation.

    `oldest` is the last change (ns) of the session that has not changed for longest. `bytes` is the size of all files.
    Contexts are either `new`, `changed` since their last commit, or `saved`.
    """

    source: str
    agent: str
    root: str
    sessions: int
    contexts: int
    bytes: int
    oldest: int | None
    expiry: Expiry | None
    saved: int
    new: tuple[str, ...]
    changed: tuple[str, ...]
    skipped: tuple[Skipped, ...]


class FailedSource(NamedTuple):
    """A source that failed, and the reason."""

    source: str
    reason: str


class SourcesReport(NamedTuple):
    """The result of `survey`.

    `missing` lists (source, agent) pairs without data on this machine. `broken` lists sources that failed.
    """

    found: tuple[FoundHome, ...]
    missing: tuple[tuple[str, str], ...]
    broken: tuple[FailedSource, ...]


def survey(engine: Engine | None, environ: Mapping[str, str], now: int) -> SourcesReport:
    """Reports the data of every agent that a source exists for, at `now` (ns). Without a repository every context is
    new.

    Raises `InvalidInput` for arguments of other types, and `Corrupt` if the repository can't be read. A failing source
    is reported in `broken`, and the other sources are still searched.
    """
    if not isinstance(environ, Mapping) or not isinstance(now, int):
        raise InvalidInput("survey() needs a mapping of environment variables and a time in ns")
    found: list[FoundHome] = []
    missing: list[tuple[str, str]] = []
    broken: list[FailedSource] = []
    known = known_projects(engine, remember=False) if engine is not None else []
    for name in iter_source_names(third_party=True):
        if name == "directory":
            continue
        # Third-party sources may raise anything. Built-in sources may only raise these.
        failures = (CtxstoreError, OSError) if name in AGENTS else Exception
        try:
            source = get_source(name)
            targets = [Target(source, home) for home in source.discover(environ)]
            targets = add_known_projects(targets, (each for each in known if each.home.source == name))
        except failures as error:
            broken.append(FailedSource(name, str(error) or type(error).__name__))
            continue
        if not targets:
            missing.append((name, source.agent))
        for target in targets:
            saved = LastSaved(engine, target) if engine is not None else None
            try:
                found.append(_survey_home(saved, target, now))
            except failures as error:
                broken.append(FailedSource(name, str(error) or type(error).__name__))
    return SourcesReport(tuple(found), tuple(missing), tuple(broken))


def _survey_home(saved: LastSaved | None, target: Target, now: int) -> FoundHome:
    """Counts the contexts and sessions of one home and compares them with their last saved state."""
    source, home = target
    skipped: list[Skipped] = []
    new: list[str] = []
    changed: list[str] = []
    contexts = size = 0
    times: list[int] = []
    for found in source.contexts(home, skipped.append):
        context = saved.own(found) if saved is not None else found
        contexts += 1
        size += sum(file.stat.st_size for file in context.files if stat.S_ISREG(file.stat.st_mode))
        times += _session_times(source, context)
        if saved is None or context.name not in saved.heads:
            new.append(context.name)
        elif saved.find_unchanged(context) is None:
            changed.append(context.name)
    return FoundHome(
        source.name,
        source.agent,
        home.path,
        len(times),
        contexts,
        size,
        min(times, default=None),
        _expiry(source, home, times, now),
        contexts - len(new) - len(changed),
        tuple(new),
        tuple(changed),
        tuple(skipped),
    )


def _session_times(source: Source, context: FoundContext) -> Iterator[int]:
    """Yields when the context's conversation last changed (ns). Yields nothing for a context without a conversation."""
    transcript = source.transcript(context.name, [file.key for file in context.files])
    if transcript is not None:
        yield next(file.stat.st_mtime_ns for file in context.files if file.key == transcript)


def _expiry(source: Source, home: SourceHome, times: list[int], now: int) -> Expiry | None:
    """Returns when the agent will delete sessions, or None if it never does."""
    days = source.kept_days(home) if isinstance(source, Expiring) else None
    if days is None:
        return None
    ends = [time + days * DAY for time in times]
    return Expiry(days, min(ends, default=None), sum(end < now + SOON_DAYS * DAY for end in ends))
