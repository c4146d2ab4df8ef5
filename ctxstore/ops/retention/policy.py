"""The decision which commits of one history a policy keeps, and why. It is a pure function.

**Rules are cumulative.** A commit is kept if any rule keeps it, unless it is older than the maximum age. Heads, tagged
commits and the last good commit before a shrink are always kept. So is the newest commit of a history without a head. A
policy without rules is refused, because it would forget all other commits. Four series are counted separately:
automatic commits of agents' sessions, those of them with a note, full and incremental backups. Ten of one series never
displace the last of another.

**Clocks.** A commit's time may be wrong by years in either direction, and so may `now`. To ensure that no wrong clock
costs a commit:

- Counting rules and calendar rules follow the order of the history. A wrong time takes at most one calendar slot.
- The age of a commit is computed from the latest time among the commit and its ancestors, because no commit is older
  than its ancestors. If the commit's own time is earlier than an ancestor's, the commit gets the age of its successor,
  because no commit is younger than its successor. A time in the future is an age of 0. No later commit makes an
  earlier one older.
- An earlier `now` never forgets more. Callers pass the clock's time or that of the newest entry of the op log,
  whichever is earlier (see `ctxstore.ops.retention.candidates.effective_now`). So a clock that jumped ahead has no
  effect until the next save.

A wrong time may cost space: the descendants of a commit from the future stay young until that time.

**Repetition.** Forgotten commits take no slot, but their times still count as evidence of age. If the same
policy is applied again at the same time, it keeps all the commits that it kept before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from ctxstore.errors import InvalidInput
from ctxstore.ids import ObjectId
from ctxstore.ops.retention.duration import DAY, HOUR, check_duration, format_duration
from ctxstore.ops.retention.zone import check_zone, offset_in

MAX_COUNT = 1_000_000
"""The largest number in a rule."""


class Policy(NamedTuple):
    """The rules of a policy. A rule with the value 0 or False does not exist.

    - `last`: keeps the newest commits, this many.
    - `within_ns`: keeps commits that are at most this old.
    - `hourly`, `daily`, `weekly`, `monthly`, `yearly`: keep the newest commit of each hour, day and so on. The value is
      the number of periods, and periods without a commit don't count. Weeks are ISO weeks.
    - `tagged`: keeps tagged commits, which are kept in any case.
    - `max_age_ns`: removes older commits, even if another rule keeps them.
    - `zone`: the time zone of the periods, such as ``Europe/Berlin`` or ``+05:30``. Empty for UTC. It is no rule.
    """

    last: int = 0
    within_ns: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    tagged: bool = False
    max_age_ns: int = 0
    zone: str = ""

    @property
    def has_calendar(self) -> bool:
        """Whether a rule counts periods of the calendar."""
        return any(getattr(self, name) for name in _CALENDAR)


class Candidate(NamedTuple):
    """A commit to decide about. `parents` contains only those that are candidates too. `time` is in UTC nanoseconds.

    Rules that count do so for each `series` on its own.
    """

    id: ObjectId
    time: int
    parents: tuple[ObjectId, ...] = ()
    is_head: bool = False
    tags: tuple[str, ...] = ()
    is_before_shrink: bool = False
    series: str = ""
    is_forgotten: bool = False


class Decision(NamedTuple):
    """The decision whether a commit is kept, and its reason."""

    id: ObjectId
    keep: bool
    reason: str


Reasons = Iterator[tuple[ObjectId, str]]
"""Pairs of a commit to keep and the reason."""


def check_policy(policy: Policy) -> Policy:
    """Returns the policy if it is valid and keeps anything. Raises `InvalidInput` if not."""
    if not isinstance(policy, Policy):
        raise InvalidInput(f"expected a Policy or the name of one, got {type(policy).__name__}")
    for name in ("last", *_CALENDAR):
        if not 0 <= getattr(policy, name) <= MAX_COUNT:
            raise InvalidInput(f"{name} {getattr(policy, name)} is out of range", hint=f"use 1 to {MAX_COUNT:,}")
    for duration in filter(None, (policy.within_ns, policy.max_age_ns)):
        check_duration(duration)
    check_zone(policy.zone)
    if not any(policy._replace(max_age_ns=0, zone="")):
        if policy.max_age_ns:
            age = format_duration(policy.max_age_ns)
            raise InvalidInput(
                "a maximum age alone keeps nothing",
                hint=f"use --keep-within {age} to keep all younger commits, or add another --keep-… rule",
            )
        raise InvalidInput("an empty policy would keep nothing", hint="add a rule, such as --keep-last 10")
    return policy


def decide(candidates: Sequence[Candidate], policy: Policy, now: int, *, may_be_empty: bool = False) -> list[Decision]:
    """Returns a decision for each candidate that is not forgotten yet.

    The candidates are one history, newest first, so that each candidate precedes its parents. With `may_be_empty` a
    history without a head, such as a dropped one, may lose all of its commits. Raises `InvalidInput` for a policy
    without rules.
    """
    check_policy(policy)
    ages = _ages(candidates, now)
    remaining = [each for each in candidates if not each.is_forgotten]
    kept = _first_reasons(_reasons_by_rules(remaining, ages, policy))
    if policy.max_age_ns:
        kept = {id: reason for id, reason in kept.items() if ages[id] <= policy.max_age_ns}
    always = _first_reasons(_unconditional_reasons(remaining, may_be_empty))
    return [_decision(each, always, kept, ages, policy) for each in remaining]


def describe(policy: Policy) -> str:
    """Formats the policy on one line: ``last 10, nothing older than 30d``."""
    words = [f"{name} {getattr(policy, name)}" for name in ("last", *_CALENDAR) if getattr(policy, name)]
    if policy.zone and policy.has_calendar:
        words[-1] += f" ({policy.zone})"
    if policy.within_ns:
        words.append(f"within {format_duration(policy.within_ns)}")
    if policy.tagged:
        words.append("tagged")
    if policy.max_age_ns:
        words.append(f"nothing older than {format_duration(policy.max_age_ns)}")
    return ", ".join(words)


def _ages(candidates: Sequence[Candidate], now: int) -> dict[ObjectId, int]:
    """Returns the age of each candidate (ns), by the rules in the docstring of this module."""
    youngest: dict[ObjectId, int] = {}
    for each in reversed(candidates):
        youngest[each.id] = max(each.time, *(youngest.get(parent, each.time) for parent in each.parents), each.time)
    successor: dict[ObjectId, int] = {}
    ages = {}
    for each in candidates:
        time = youngest[each.id]
        if each.time < time:
            time = successor.get(each.id, time)
        for parent in each.parents:
            successor[parent] = max(time, successor.get(parent, time))
        ages[each.id] = max(0, now - time)
    return ages


def _first_reasons(reasons: Reasons) -> dict[ObjectId, str]:
    """Returns the first reason for each commit."""
    first: dict[ObjectId, str] = {}
    for id, reason in reasons:
        first.setdefault(id, reason)
    return first


def _unconditional_reasons(remaining: Sequence[Candidate], may_be_empty: bool) -> Reasons:
    """Yields the commits that are kept regardless of the policy."""
    for each in remaining:
        if each.is_head:
            yield each.id, "head"
        if each.tags:
            yield each.id, f"tag {', '.join(each.tags)}"
        if each.is_before_shrink:
            yield each.id, "last good state before it shrank"
    if remaining and not may_be_empty and not any(each.is_head for each in remaining):
        yield remaining[0].id, "the newest"


def _reasons_by_rules(remaining: Sequence[Candidate], ages: dict[ObjectId, int], policy: Policy) -> Reasons:
    """Yields the commits that the rules keep."""
    offset = offset_in(policy.zone)
    for series in sorted({each.series for each in remaining}):
        counted = [each for each in remaining if each.series == series]
        for number, each in enumerate(counted[: policy.last], 1):
            yield each.id, f"last {number} of {policy.last}"
        for name, bucket in _CALENDAR.items():
            if number := getattr(policy, name):
                periods = ((each, bucket(each.time, offset(each.time))) for each in counted)
                yield from _reasons_by_calendar(periods, name, number)
    for each in remaining:
        if ages[each.id] <= policy.within_ns and policy.within_ns:
            yield each.id, f"within {format_duration(policy.within_ns)}"


def _reasons_by_calendar(periods: Iterable[tuple[Candidate, Hashable]], name: str, number: int) -> Reasons:
    """Yields the newest commit of each period, for the first `number` periods in the order of the history."""
    seen: set[Hashable] = set()
    for each, key in periods:
        if len(seen) == number:
            return
        if key not in seen:
            seen.add(key)
            yield each.id, f"{name} {len(seen)} of {number}"


def _decision(
    each: Candidate, always: dict[ObjectId, str], kept: dict[ObjectId, str], ages: dict[ObjectId, int], policy: Policy
) -> Decision:
    """Returns the decision about one candidate."""
    reason = always.get(each.id) or kept.get(each.id)
    if reason:
        return Decision(each.id, True, reason)
    if policy.max_age_ns and ages[each.id] > policy.max_age_ns:
        return Decision(each.id, False, f"older than {format_duration(policy.max_age_ns)}")
    return Decision(each.id, False, "no rule keeps it")


def _month(time: int) -> tuple[int, int]:
    """Returns (year, month) of a time (ns)."""
    # The calendar repeats every 400 years, and a wrong time may be in any year.
    cycle, day = divmod(time // DAY + date(1970, 1, 1).toordinal() - 1, 146_097)
    found = date.fromordinal(day + 1)
    return cycle * 400 + found.year, found.month


_CALENDAR: dict[str, Callable[[int, int], Hashable]] = {
    "hourly": lambda time, offset: ((time + offset) // HOUR, offset),  # an hour that is repeated in autumn is two hours
    "daily": lambda time, offset: (time + offset) // DAY,
    "weekly": lambda time, offset: ((time + offset) // DAY + 3) // 7,  # 1970 began on a Thursday, ISO weeks on Mondays
    "monthly": lambda time, offset: _month(time + offset),
    "yearly": lambda time, offset: _month(time + offset)[0],
}
"""Functions from a time (UTC ns) and its zone's offset (ns) to the period that contains it."""
