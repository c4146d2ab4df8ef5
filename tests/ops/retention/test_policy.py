"""The commits that a policy keeps of one history: tables, and properties for every history, policy and clock."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput
from ctxstore.ops.retention.duration import DAY, HOUR, LONGEST, format_duration, parse_duration
from ctxstore.ops.retention.policy import MAX_COUNT, Candidate, Policy, decide, describe

YEAR = 365 * DAY
CYCLE = 146_097 * DAY
"""The period after which the calendar repeats, including weekdays: 400 years."""


def at(text):
    """Converts a time to UTC nanoseconds."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


NOW = at("2026-11-20T12:00")


def history(*times, **fields):
    """Makes a sequence of commits with these times, newest first. The newest is the head. `fields`:
    attribute=positions."""
    made = []
    for number, time in enumerate(times):
        parents = (name(number + 1),) if number + 1 < len(times) else ()
        flags = {key: number in positions for key, positions in fields.items()}
        made.append(Candidate(name(number), time, parents, is_head=number == 0)._replace(**flags))
    return made


def name(number):
    return number.to_bytes(4, "big")


def kept(candidates, policy, now=NOW, **options):
    """Returns the positions that are kept."""
    keep = {each.id for each in decide(candidates, policy, now, **options) if each.keep}
    return [number for number, each in enumerate(candidates) if each.id in keep]


def reasons(candidates, policy, now=NOW, **options):
    return [each.reason for each in decide(candidates, policy, now, **options)]


def every(step, number, newest=NOW):
    return [newest - step * each for each in range(number)]


@pytest.mark.parametrize(
    ("policy", "times", "expected"),
    [
        (Policy(last=1), every(DAY, 5), [0]),
        (Policy(last=3), every(DAY, 5), [0, 1, 2]),
        (Policy(last=9), every(DAY, 5), [0, 1, 2, 3, 4]),
        (Policy(within_ns=2 * DAY), every(DAY, 5), [0, 1, 2]),
        (Policy(within_ns=2 * DAY - 1), every(DAY, 5), [0, 1]),
        (Policy(hourly=2), every(HOUR // 4, 12), [0, 1]),
        (Policy(daily=3), every(6 * HOUR, 16), [0, 3, 7]),
        (Policy(daily=2), every(10 * DAY, 4), [0, 1]),
        (Policy(weekly=2), [at("2026-11-16T00:00"), at("2026-11-15T23:59"), at("2026-11-09T00:00")], [0, 1]),
        (Policy(weekly=3), [at("2027-01-03"), at("2026-12-31"), at("2026-12-28"), at("2026-12-27")], [0, 3]),
        (Policy(monthly=2), [at("2026-03-01"), at("2026-02-28"), at("2026-02-01"), at("2026-01-31")], [0, 1]),
        (Policy(yearly=3), [at("2026-01-01"), at("2025-12-31"), at("2025-01-01"), at("1969-12-31")], [0, 1, 3]),
        (Policy(last=2, daily=2), every(8 * HOUR, 6), [0, 1, 2]),
        (Policy(last=10, max_age_ns=30 * DAY), every(5 * DAY, 12), [0, 1, 2, 3, 4, 5, 6]),
        (Policy(last=10, max_age_ns=30 * DAY), [NOW - 900 * DAY, NOW - 901 * DAY], [0]),
        (Policy(tagged=True), every(DAY, 3), [0]),
        (Policy(last=1), [], []),
    ],
)
def test_rules(policy, times, expected):
    assert kept(history(*times), policy) == expected


def test_the_reason_says_which_rule_and_how_far():
    policy = Policy(last=2, daily=3, max_age_ns=10 * DAY)
    assert reasons(history(*every(DAY, 5), NOW - 11 * DAY), policy) == [
        "head",
        "last 2 of 2",
        "daily 3 of 3",
        "no rule keeps it",
        "no rule keeps it",
        "older than 10d",
    ]
    assert reasons(history(NOW, NOW - DAY), Policy(within_ns=2 * DAY))[1] == "within 2d"


def test_heads_tags_and_the_last_good_commit_before_a_shrink_are_kept_whatever_their_age():
    found = history(*every(400 * DAY, 5), is_before_shrink=[2])
    found[3] = found[3]._replace(tags=("v1", "v2"))
    policy = Policy(last=1, max_age_ns=HOUR)
    assert kept(found, policy, NOW + YEAR) == [0, 2, 3]
    assert reasons(found, policy)[2:4] == ["last good state before it shrank", "tag v1, v2"]


def test_a_history_without_a_head_keeps_its_newest_but_a_bin_may_be_empty():
    found = [each._replace(is_head=False) for each in history(*every(DAY, 3))]
    policy = Policy(within_ns=HOUR)
    assert kept(found, policy, NOW + DAY) == [0]
    assert reasons(found, policy, NOW + DAY)[0] == "the newest"
    assert kept(found, policy, NOW + DAY, may_be_empty=True) == []


def test_each_series_is_counted_apart():
    found = history(*every(HOUR, 8), series=[0, 1, 2, 4, 5])
    assert kept(found, Policy(last=2)) == [0, 1, 3, 6]
    assert kept(found, Policy(daily=1)) == [0, 3]


def test_what_is_forgotten_takes_no_slot_and_is_not_decided_again():
    found = history(*every(DAY, 5), is_forgotten=[1, 2])
    assert kept(found, Policy(last=2)) == [0, 3]
    assert len(decide(found, Policy(last=2), NOW)) == 3


@pytest.mark.parametrize("jump", [-10 * YEAR, 10 * YEAR])
@pytest.mark.parametrize("position", range(5))
@pytest.mark.parametrize(
    "policy", [Policy(last=3), Policy(within_ns=3 * DAY), Policy(last=9, max_age_ns=3 * DAY)], ids=describe
)
def test_a_wrong_stamp_makes_nothing_else_be_forgotten(policy, position, jump):
    times = every(DAY, 5)
    expected = kept(history(*times), policy)
    times[position] += jump
    first_is_old = {4} if position == 4 else set()
    assert set(kept(history(*times), policy)) >= set(expected) - first_is_old


def test_a_commit_is_not_older_than_what_it_was_made_from():
    times = [NOW, NOW - 10 * YEAR, NOW - 2 * DAY]
    assert kept(history(*times), Policy(within_ns=3 * DAY)) == [0, 1, 2]
    assert kept(history(*times), Policy(last=3, max_age_ns=3 * DAY)) == [0, 1, 2]


def test_a_commit_by_a_clock_that_was_behind_is_as_young_as_its_successor():
    """A session continues after a year. Its second commit may be as young as the newest."""
    times = [NOW, NOW - 10 * YEAR, NOW - YEAR]
    assert kept(history(*times), Policy(last=3, max_age_ns=3 * DAY)) == [0, 1]


def test_a_merged_branch_makes_only_its_descendants_young():
    times = [NOW, NOW - YEAR, NOW - 2 * YEAR, NOW + 10 * YEAR, NOW - 4 * YEAR]
    found = [
        Candidate(name(0), times[0], (name(1), name(3)), is_head=True),
        Candidate(name(1), times[1], (name(2),)),
        Candidate(name(2), times[2], (name(4),)),
        Candidate(name(3), times[3], (name(4),)),
        Candidate(name(4), times[4]),
    ]
    assert kept(found, Policy(within_ns=DAY)) == [0, 3]


@pytest.mark.parametrize(
    "policy",
    [
        Policy(),
        Policy(max_age_ns=30 * DAY),
        Policy(last=-1),
        Policy(last=MAX_COUNT + 1),
        Policy(last=1, within_ns=-1),
        Policy(last=1, max_age_ns=LONGEST + 1),
    ],
)
def test_a_policy_that_says_nothing_or_nonsense_is_refused(policy):
    with pytest.raises(InvalidInput) as caught:
        decide(history(NOW), policy, NOW)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "duration", "shown"),
    [
        ("30d", 30 * DAY, "30d"),
        ("12h", 12 * HOUR, "12h"),
        ("2w", 14 * DAY, "14d"),
        ("6m", 180 * DAY, "180d"),
        ("1y", 365 * DAY, "1y"),
        ("1y6m", 545 * DAY, "545d"),
        ("1d12h", 36 * HOUR, "36h"),
        ("48h", 2 * DAY, "2d"),
        ("1000y", LONGEST, "1000y"),
    ],
)
def test_durations(text, duration, shown):
    assert parse_duration(text) == duration
    assert format_duration(duration) == shown and parse_duration(shown) == duration


@pytest.mark.parametrize(
    "text",
    [
        *("", "30", "d", "-1d", "1.5d", "30 d", " 30d", "30d ", "1d\n", "1d1y", "1d1d", "30D", "5s", "5min", "1y0x"),
        *("٣d", "0d", "1001y", "99999999d", "9" * 5000 + "d"),
    ],
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(InvalidInput) as caught:
        parse_duration(text)
    assert caught.value.hint


LOS_ANGELES = "America/Los_Angeles"
EVENINGS = [at("2026-11-22T20:00"), at("2026-11-22T02:00"), at("2026-11-21T18:00"), at("2026-11-21T01:30")]
"""Noon of the 22nd in Los Angeles, the evening and the morning of the 21st, and the evening of the 20th."""


@pytest.mark.parametrize(
    ("zone", "expected"),
    [("", [0, 2]), (LOS_ANGELES, [0, 1, 3]), ("-08:00", [0, 1, 3]), ("Asia/Tokyo", [0, 1, 3])],
)
def test_days_are_those_of_the_policys_time_zone(zone, expected):
    assert kept(history(*EVENINGS), Policy(daily=3, zone=zone)) == expected


def test_an_hour_that_the_end_of_summer_time_repeats_is_two_hours():
    times = [at("2026-11-01T09:30"), at("2026-11-01T08:30"), at("2026-11-01T07:30")]
    assert kept(history(*times), Policy(hourly=3, zone=LOS_ANGELES)) == [0, 1, 2]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "+25:00", "x" * 1000])
def test_an_unknown_time_zone_is_refused(zone):
    with pytest.raises(InvalidInput, match="no time zone"):
        decide(history(NOW), Policy(daily=1, zone=zone), NOW)


# -- for every history, policy and clock

counts = st.integers(0, 8)
durations = st.one_of(st.just(0), st.integers(1, 60 * DAY), st.integers(1, 20 * YEAR))
zones = st.sampled_from(["", "America/Los_Angeles", "Asia/Kolkata", "-09:30"])
policies = st.builds(
    Policy, counts, durations, counts, counts, counts, counts, counts, st.booleans(), durations, zones
).filter(lambda policy: any(policy._replace(max_age_ns=0, zone="")))
stamps = st.one_of(st.integers(0, 90 * DAY), st.integers(-10 * YEAR, 10 * YEAR), st.integers(0, 6 * HOUR)).map(
    lambda age: NOW - age
)


@st.composite
def histories(draw, max_size=14):
    """Draws a sequence of commits, or a history with merges, by right or wrong clocks, newest first."""
    size = draw(st.integers(1, max_size))
    times = draw(st.lists(stamps, min_size=size, max_size=size))
    if draw(st.booleans()):
        times.sort(reverse=True)
    found = []
    for number, time in enumerate(times):
        later = range(number + 1, size)
        parents = {number + 1} & set(later)
        if later and not draw(st.integers(0, 4)):
            parents |= {draw(st.sampled_from(later))}
        found.append(
            Candidate(
                name(number),
                time,
                tuple(map(name, sorted(parents))),
                number == 0,
                ("v1",) if not draw(st.integers(0, 8)) else (),
                not draw(st.integers(0, 8)),
                draw(st.sampled_from(("auto", "auto", "auto", "noted", "full", "incremental"))),
                bool(number) and not draw(st.integers(0, 5)),
            )
        )
    return found


clocks = st.integers(-10 * YEAR, 10 * YEAR).map(lambda jump: NOW + jump)


def keep_ids(candidates, policy, now):
    return {each.id for each in decide(candidates, policy, now) if each.keep}


@settings(deadline=None)
@given(histories(), policies, clocks)
def test_every_commit_gets_one_decision_and_heads_tags_and_last_good_states_are_kept(candidates, policy, now):
    decisions = decide(candidates, policy, now)
    held = [each for each in candidates if not each.is_forgotten]
    assert [each.id for each in decisions] == [each.id for each in held]
    assert all(each.reason for each in decisions)
    keep = {each.id for each in decisions if each.keep}
    assert keep
    assert keep >= {each.id for each in held if each.is_head or each.tags or each.is_before_shrink}


@settings(deadline=None)
@given(histories(), policies, policies, clocks)
def test_a_wider_policy_never_forgets_more(candidates, policy, more, now):
    wider = Policy(*(a + b if type(a) is int else a or b for a, b in zip(policy, more, strict=True)))
    wider = wider._replace(max_age_ns=wider.max_age_ns if policy.max_age_ns and more.max_age_ns else 0)
    assert keep_ids(candidates, policy, now) <= keep_ids(candidates, wider, now)


@settings(deadline=None)
@given(histories(), policies, clocks)
def test_deciding_again_forgets_nothing_more(candidates, policy, now):
    keep = keep_ids(candidates, policy, now)
    again = [each._replace(is_forgotten=each.is_forgotten or each.id not in keep) for each in candidates]
    assert keep_ids(again, policy, now) == keep


@settings(deadline=None)
@given(histories(), policies, clocks, st.integers(0, 10 * YEAR))
def test_a_clock_set_back_never_forgets_more(candidates, policy, now, back):
    assert keep_ids(candidates, policy, now) <= keep_ids(candidates, policy, now - back)


@settings(deadline=None)
@given(histories(), policies, clocks, st.integers(-5, 5))
def test_only_differences_of_times_matter(candidates, policy, now, cycles):
    shift = cycles * CYCLE
    moved = [each._replace(time=each.time + shift) for each in candidates]
    assert decide(moved, policy, now + shift) == decide(candidates, policy, now)


@settings(deadline=None)
@given(histories(), policies, clocks, st.integers(-10 * YEAR, 10 * YEAR))
def test_without_calendar_rules_any_shift_will_do(candidates, policy, now, shift):
    policy = policy._replace(hourly=0, daily=0, weekly=0, monthly=0, yearly=0, last=policy.last or 1)
    moved = [each._replace(time=each.time + shift) for each in candidates]
    assert decide(moved, policy, now + shift) == decide(candidates, policy, now)


@settings(deadline=None)
@given(histories(), policies, clocks, st.sampled_from((-40 * YEAR, 40 * YEAR)), st.data())
def test_one_more_commit_by_a_wrong_clock_takes_a_slot_of_its_own_at_most(candidates, policy, now, wrong, data):
    """The commit may be anywhere in the history, and its stamp may be past or future."""
    position = data.draw(st.integers(1, len(candidates)))
    odd = Candidate(b"odd", NOW + wrong)
    before = candidates[: position - 1]
    child = candidates[position - 1]
    odd = odd._replace(parents=child.parents, series=data.draw(st.sampled_from(("auto", "full"))))
    longer = [*before, child._replace(parents=(b"odd",)), odd, *candidates[position:]]
    slots = ("last", "hourly", "daily", "weekly", "monthly", "yearly")
    roomier = policy._replace(**{slot: number + 1 for slot in slots if (number := getattr(policy, slot))})
    assert keep_ids(longer, roomier, now) >= keep_ids(candidates, policy, now)


@settings(deadline=None)
@given(histories(), policies, clocks, st.integers(0, 13), st.integers(-10 * YEAR, 10 * YEAR))
def test_by_age_a_wrong_stamp_never_makes_another_commit_be_forgotten(candidates, policy, now, position, wrong):
    """A wrong stamp makes no commit older that has a younger child. Here the stamp is younger, or that of a leaf."""
    policy = Policy(within_ns=policy.within_ns or DAY, max_age_ns=policy.max_age_ns)
    position = min(position, len(candidates) - 1)
    changed = list(candidates)
    changed[position] = changed[position]._replace(time=max(changed[position].time, now + abs(wrong)))
    assert keep_ids(changed, policy, now) >= keep_ids(candidates, policy, now)
    # The stamp is set back, but the commit counts as no older than its parent. Only its descendants may depend on it,
    # and commits with earlier stamps than their parents, because these take the time of their children.
    changed[position] = changed[position]._replace(time=candidates[position].time - abs(wrong))
    own = {each.id for each in candidates[: position + 1]}
    odd = {each.id for at, each in enumerate(candidates) if any(older.time > each.time for older in candidates[at:])}
    assert keep_ids(changed, policy, now) >= keep_ids(candidates, policy, now) - own - odd
