"""What agents' data there is on this machine, how much, how long it will be there, and what of it is not saved.

Reads no file of the agents' but their settings. Other than a snapshot, it needs no repository.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ctxstore.errors import CtxstoreError, InvalidInput
from ctxstore.history.engine import Engine
from ctxstore.ops.snapshot.known_projects import known_projects
from ctxstore.ops.snapshot.last_saved import LastSaved
from ctxstore.ops.snapshot.targets import Target, add_known
from ctxstore.sources.expiry import Expiring
from ctxstore.sources.protocol import FoundContext, Skipped, Source, SourceHome
from ctxstore.sources.registry import BUILT_IN, get_source, iter_source_names

DAY = 86_400 * 10**9
SOON = 7
"""Days: what the agent deletes within them is worth a warning."""


class Expiry(NamedTuple):
    """The agent deletes a session `kept_days` after its last change: the next at `next` (ns), and `soon` of them within
    `SOON` days. What is overdue goes when the agent is next started."""

    kept_days: int
    next: int | None
    soon: int


class FoundHome(NamedTuple):
    """What there is at one root. A session is a context that has a conversation.

    `oldest` is when the session that has not changed for longest did (ns). Contexts are `new`, `changed`, or as they
    were `saved`.
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
    """A source that failed, and how."""

    source: str
    reason: str


class SourcesReport(NamedTuple):
    """`missing`: the sources whose agents have no data here, with the agents' names."""

    found: tuple[FoundHome, ...]
    missing: tuple[tuple[str, str], ...]
    broken: tuple[FailedSource, ...]


def survey(engine: Engine | None, environ: Mapping[str, str], now: int) -> SourcesReport:
    """Look for every agent there is a source for, at `now` (ns). Without a repository nothing is saved.

    Raises `InvalidInput`, and `Corrupt` if what is saved can't be told. A source that fails is named, and keeps no
    other from being found.
    """
    if not isinstance(environ, Mapping) or not isinstance(now, int):
        raise InvalidInput("a survey takes a mapping of variables, and a time in ns")
    found: list[FoundHome] = []
    missing: list[tuple[str, str]] = []
    broken: list[FailedSource] = []
    known = known_projects(engine, remember=False) if engine is not None else []
    for name in iter_source_names(third_party=True):
        if name == "directory":
            continue
        # A third party's code may raise anything; ours may not.
        failures = (CtxstoreError, OSError) if name in BUILT_IN else Exception
        try:
            source = get_source(name)
            here = [Target(source, root) for root in source.discover(environ)]
            targets = add_known(here, (each for each in known if each[1].source == name))
        except failures as error:
            broken.append(FailedSource(name, str(error) or type(error).__name__))
            continue
        if not targets:
            missing.append((name, source.agent))
        for target in targets:
            saved = LastSaved(engine, target) if engine is not None else None
            try:
                found.append(_survey_root(saved, target, now))
            except failures as error:
                broken.append(FailedSource(name, str(error) or type(error).__name__))
    return SourcesReport(tuple(found), tuple(missing), tuple(broken))


def _survey_root(saved: LastSaved | None, target: Target, now: int) -> FoundHome:
    source, root = target
    skipped: list[Skipped] = []
    new: list[str] = []
    changed: list[str] = []
    contexts = size = 0
    times: list[int] = []
    for context in source.contexts(root, skipped.append):
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
        root.path,
        len(times),
        contexts,
        size,
        min(times, default=None),
        _expiry(source, root, times, now),
        contexts - len(new) - len(changed),
        tuple(new),
        tuple(changed),
        tuple(skipped),
    )


def _session_times(source: Source, context: FoundContext) -> Iterator[int]:
    """When the conversation changed last, if the context has one."""
    transcript = source.transcript(context.name, [file.key for file in context.files])
    if transcript is not None:
        yield next(file.stat.st_mtime_ns for file in context.files if file.key == transcript)


def _expiry(source: Source, root: SourceHome, times: list[int], now: int) -> Expiry | None:
    days = source.kept_days(root) if isinstance(source, Expiring) else None
    if days is None:
        return None
    ends = [time + days * DAY for time in times]
    return Expiry(days, min(ends, default=None), sum(end < now + SOON * DAY for end in ends))
