"""Which commits of one history a policy keeps: a pure function, with a reason for each.

**Rules add, one takes away.** What any rule keeps is kept, unless it is older than the highest age. Kept whatever
the rules and the highest age say: heads, tagged commits, the last good commit before a shrink, and the newest commit
of a history that has no head. A policy without a rule is refused: it would keep nothing else. Full and incremental
commits are counted apart, so that ten of the one never displace the last of the other.

**Clocks.** A stamp may be wrong by years in either direction, and so may `now`. So that no wrong clock costs a commit:

- Counting and calendar rules go by the order of the history. A wrong stamp at most takes one calendar slot of its own.
- For ages a commit is as young as the youngest stamp among it and all it descends from: it can't be older than what
  it was made from. One whose own stamp says otherwise is as young as its successor, which it can't be younger than.
  A stamp of the future is an age of 0. Nothing that comes after a commit makes it older.
- An earlier `now` never forgets more. Callers pass the earlier one of the clock and the newest run (see
  `ctxstore.ops.retention.candidates.effective_now`): a clock that jumped ahead changes nothing until something is
  saved by it.

What a wrong stamp may cost is space: what descends from a commit of the future is young until then.

**Again.** What is forgotten already takes no slot, but its stamp still counts as evidence of age. Deciding again about
what was kept, by the same policy and at the same time, keeps all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from ctxstore.errors import InvalidInput
from ctxstore.ids import ObjectId
from ctxstore.ops.retention.duration import DAY, HOUR, check_duration, format_duration

MAX_COUNT = 1_000_000


class Policy(NamedTuple):
    """What to keep; 0 or False: no such rule.

    The newest `last`; what is not older than `within_ns`; the newest of each of the newest so many hours, days, ISO
    weeks, months and years (UTC) that have one; `tagged`: the tagged ones, which are kept in any case. `max_age_ns`
    takes away what is older, whatever the rules say.
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


class Candidate(NamedTuple):
    """A commit to decide about. `parents` as far as they are candidates too; `time` in UTC nanoseconds."""

    id: ObjectId
    time: int
    parents: tuple[ObjectId, ...] = ()
    is_head: bool = False
    tags: tuple[str, ...] = ()
    is_before_shrink: bool = False
    is_incremental: bool = False
    is_forgotten: bool = False


class Decision(NamedTuple):
    """Whether a commit is kept, and why or why not."""

    id: ObjectId
    keep: bool
    reason: str


Reasons = Iterator[tuple[ObjectId, str]]


def check_policy(policy: Policy) -> Policy:
    """The policy, if it says what to keep. Raises `InvalidInput`."""
    if not isinstance(policy, Policy):
        raise InvalidInput(f"a policy is a Policy or a name, not {type(policy).__name__}")
    for name in ("last", *_CALENDAR):
        if not 0 <= getattr(policy, name) <= MAX_COUNT:
            raise InvalidInput(f"{name} {getattr(policy, name)} is out of range", hint=f"from 1 to {MAX_COUNT:,}")
    for duration in filter(None, (policy.within_ns, policy.max_age_ns)):
        check_duration(duration)
    if not any(policy._replace(max_age_ns=0)):
        if policy.max_age_ns:
            age = format_duration(policy.max_age_ns)
            raise InvalidInput(
                "a highest age alone says nothing about what to keep",
                hint=f"`--keep-within {age}` keeps all that is younger; or add another --keep-… rule",
            )
        raise InvalidInput("an empty policy would keep nothing", hint="say what to keep, such as --keep-last 10")
    return policy


def decide(candidates: Sequence[Candidate], policy: Policy, now: int, *, may_be_empty: bool = False) -> list[Decision]:
    """A decision for each candidate that is not forgotten already.

    Candidates are one history, newest first: none comes after what it descends from. `may_be_empty`: without a head
    nothing has to stay, as in a bin. Raises `InvalidInput` for a policy without a rule.
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
    """The policy on one line: ``last 10, nothing older than 30d``."""
    words = [f"{name} {getattr(policy, name)}" for name in ("last", *_CALENDAR) if getattr(policy, name)]
    if policy.within_ns:
        words.append(f"within {format_duration(policy.within_ns)}")
    if policy.tagged:
        words.append("tagged")
    if policy.max_age_ns:
        words.append(f"nothing older than {format_duration(policy.max_age_ns)}")
    return ", ".join(words)


def _ages(candidates: Sequence[Candidate], now: int) -> dict[ObjectId, int]:
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
    first: dict[ObjectId, str] = {}
    for id, reason in reasons:
        first.setdefault(id, reason)
    return first


def _unconditional_reasons(remaining: Sequence[Candidate], may_be_empty: bool) -> Reasons:
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
    for incremental in (False, True):
        counted = [each for each in remaining if each.is_incremental is incremental]
        for number, each in enumerate(counted[: policy.last], 1):
            yield each.id, f"last {number} of {policy.last}"
        for name, bucket in _CALENDAR.items():
            yield from _reasons_by_calendar(counted, name, getattr(policy, name), bucket)
    for each in remaining:
        if ages[each.id] <= policy.within_ns and policy.within_ns:
            yield each.id, f"within {format_duration(policy.within_ns)}"


def _reasons_by_calendar(
    remaining: Sequence[Candidate], name: str, number: int, bucket: Callable[[int], Hashable]
) -> Reasons:
    """The newest of each bucket, of the first so many buckets by the order of the history."""
    seen: set[Hashable] = set()
    for each in remaining:
        if len(seen) == number:
            return
        key = bucket(each.time)
        if key not in seen:
            seen.add(key)
            yield each.id, f"{name} {len(seen)} of {number}"


def _decision(
    each: Candidate, always: dict[ObjectId, str], kept: dict[ObjectId, str], ages: dict[ObjectId, int], policy: Policy
) -> Decision:
    reason = always.get(each.id) or kept.get(each.id)
    if reason:
        return Decision(each.id, True, reason)
    if policy.max_age_ns and ages[each.id] > policy.max_age_ns:
        return Decision(each.id, False, f"older than {format_duration(policy.max_age_ns)}")
    return Decision(each.id, False, "no rule keeps it")


def _month(time: int) -> tuple[int, int]:
    # The calendar repeats every 400 years, and a stamp may be of any year.
    cycle, day = divmod(time // DAY + date(1970, 1, 1).toordinal() - 1, 146_097)
    found = date.fromordinal(day + 1)
    return cycle * 400 + found.year, found.month


_CALENDAR: dict[str, Callable[[int], Hashable]] = {
    "hourly": lambda time: time // HOUR,
    "daily": lambda time: time // DAY,
    "weekly": lambda time: (time // DAY + 3) // 7,  # 1970 began on a Thursday, ISO weeks begin on Mondays
    "monthly": _month,
    "yearly": lambda time: _month(time)[0],
}
