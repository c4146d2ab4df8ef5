"""Forgetting. It forgets commits that no policy keeps and no other ref needs, and can be undone until a collection."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore import Policy
from ctxstore.errors import InvalidInput, NotFound
from ctxstore.history.commits import StoredCommit, write_commit
from ctxstore.history.engine import Environment, real_environment
from ctxstore.history.transaction import Move, MustRestart, transaction
from ctxstore.ids import ObjectId
from ctxstore.ops.retention.duration import DAY, HOUR

START = 1_700_000_000 * 10**9


class Clock:
    """A clock that advances a moment with every reading. It calls `before` at the next reading."""

    def __init__(self) -> None:
        self.now = START
        self.before: Callable[[], Any] | None = None

    def __call__(self) -> int:
        before, self.before = self.before, None
        if before:
            before()
        self.now += 1
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def environment(clock: Clock) -> Environment:
    return real_environment()._replace(clock=clock)


@pytest.fixture(params=["folder", "memory"])
def repo(request: pytest.FixtureRequest, place: Path, environment: Environment) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(place if request.param == "folder" else "memory:", environment=environment) as made:
        yield made


@pytest.fixture
def shared(place: Path, environment: Environment) -> Iterator[tuple[ctxstore.Repo, ctxstore.Repo]]:
    """A repository that is open twice."""
    with ctxstore.init(place, environment=environment) as one, ctxstore.open(place, environment=environment) as two:
        yield one, two


@pytest.fixture
def days(clock: Clock) -> Callable[..., list[ObjectId]]:
    """A function that makes a commit a day in a context, and returns the ids, newest first."""

    def write(repo: ctxstore.Repo, ref: str, number: int) -> list[ObjectId]:
        draft, made = repo.edit(ref), []
        for _ in range(number):
            clock.now += DAY
            draft.files.put("big", random.Random(clock.now).randbytes(20_000))
            made.append(draft.commit().id)
        return made[::-1]

    return write


def forgotten(repo: ctxstore.Repo) -> set[ObjectId]:
    return set(repo.forgotten().ids())


def runs(repo: ctxstore.Repo) -> list[str]:
    return [op.command for _, op, _ in repo.ops()]


def test_what_no_rule_keeps_is_forgotten_in_one_op_with_its_reason(repo, days, is_sound):
    ids = days(repo, "chat/alice", 6)
    result = repo.forget(Policy(last=2, max_age_ns=3 * DAY))
    assert forgotten(repo) == set(ids[2:])
    assert repo.forgotten().find(ids[2]).reason == "no rule keeps it"
    assert repo.forgotten().find(ids[5]).reason == "older than 3d"
    id, op, _ = next(iter(repo.ops()))
    assert (id, op.command, op.note) == (result.op, "forget", "last 2, nothing older than 3d")
    assert op.statistics == {"contexts": 1, "forgotten": 4, "kept": 2}
    assert repo.gc().freed_now > 70_000
    assert [stored.id for stored in repo.log("chat/alice")] == ids
    assert repo.view("chat/alice~1").read("big")
    with pytest.raises(NotFound, match="was forgotten"):
        repo.view("chat/alice~2").read("big")
    assert is_sound(repo)


def test_a_plan_writes_nothing(repo, days):
    days(repo, "chat/alice", 4)
    before = runs(repo)
    plan = repo.plan_forget(Policy(last=1))
    assert (plan.forgotten, plan.kept) == (3, 1)
    assert runs(repo) == before and not forgotten(repo)


def test_forgetting_again_forgets_nothing_more_and_makes_no_op(repo, days):
    days(repo, "chat/alice", 9)
    policy = Policy(last=2, weekly=2, max_age_ns=30 * DAY)
    assert repo.forget(policy).op is not None
    again = repo.forget(policy)
    assert again.op is None and again.plan.forgotten == 0
    assert runs(repo).count("forget") == 1


def test_an_undo_brings_everything_back_until_gc(repo, days, is_sound):
    days(repo, "chat/alice", 5)
    repo.forget(Policy(last=1))
    repo.plan_undo().execute()
    assert not forgotten(repo)
    repo.gc()
    assert len({repo.view(f"chat/alice~{n}").read("big") for n in range(5)}) == 5
    repo.forget(Policy(last=1))
    repo.gc()
    with pytest.raises(NotFound, match="can't be undone"):
        repo.plan_undo()
    assert is_sound(repo)


@pytest.mark.parametrize(
    ("patterns", "contexts"),
    [([], 5), (["chat/alice"], 1), (["chat/*"], 3), (["*/a*"], 3), (["work/car*"], 1), (["chat/bob", "chat/*"], 3)],
)
def test_patterns_are_full_names_or_globs(repo, days, patterns, contexts):
    for ref in ("chat/alice", "chat/alice-2", "work/alice", "chat/bob", "work/carol"):
        days(repo, ref, 3)
    plan = repo.plan_forget(Policy(last=1), *patterns)
    assert (len(plan.contexts), plan.forgotten) == (contexts, 2 * contexts)


def test_a_pattern_that_matches_nothing_is_told_and_nothing_is_forgotten(repo, days):
    days(repo, "chat/alice", 3)
    with pytest.raises(NotFound, match="no context matches 'bob'"):
        repo.forget(Policy(last=1), "chat/alice", "bob")
    with pytest.raises(NotFound, match="no context matches 'alice'") as refused:
        repo.forget(Policy(last=1), "alice")
    assert "chat/alice" in refused.value.hint and "'*alice*'" in refused.value.hint
    with pytest.raises(NotFound, match="no dropped context matches"):
        repo.forget(Policy(last=1), "alice", dropped=True)
    with pytest.raises(InvalidInput):
        repo.forget(Policy())
    assert not forgotten(repo)


def test_what_a_context_that_was_not_asked_for_has_stays(repo, days, is_sound):
    ids = days(repo, "chat/alice", 6)
    repo.fork("chat/alice~3", "chat/fork")
    result = repo.forget(Policy(last=1), "chat/alice")
    assert forgotten(repo) == set(ids[1:3])
    (context,) = result.plan.contexts
    assert [v.reason for v in context.verdicts][3:] == ["head", *["a context that was not asked for has it, too"] * 2]
    repo.gc()
    assert repo.view("chat/fork~2").read("big")
    assert is_sound(repo)


def test_what_several_contexts_have_is_kept_if_one_of_them_keeps_it(repo, days):
    ids = days(repo, "chat/alice", 6)
    repo.fork("chat/alice~3", "chat/fork")
    plan = repo.plan_forget(Policy(last=2))
    assert set(plan.reasons) == {ids[2], ids[5]}
    reasons = {context.ref: [v.reason for v in context.verdicts] for context in plan.contexts}
    assert reasons["chat/alice"][4] == "kept for chat/fork"
    assert plan.kept == 4


def test_tags_heads_and_what_was_before_a_shrink_stay(repo, days, clock):
    ids = days(repo, "chat/alice", 6)
    repo.tag("v1", "chat/alice~3")
    repo.set_ref("chat/other", ids[4], expected=None)
    with transaction(repo._engine) as tx:
        commit = repo.resolve("chat/alice").commit
        lost = commit._replace(parents=(ids[0],), generation=commit.generation + 1, time=clock(), shrunk=True)
        tx.publish([Move("chat/alice", ids[0], write_commit(tx.writer, lost))], "snapshot")
    more = days(repo, "chat/alice", 2)
    repo.forget(Policy(last=1, max_age_ns=HOUR))
    assert forgotten(repo) & set(ids) == {ids[1], ids[2], ids[5]}
    assert more[0] not in forgotten(repo) and more[1] in forgotten(repo)


def test_merged_histories_are_decided_as_one(repo, days, clock, is_sound):
    ours, theirs = days(repo, "chat/ours", 4), days(repo, "chat/theirs", 3)
    with transaction(repo._engine) as tx:
        commit = repo.resolve("chat/ours").commit
        merged = commit._replace(parents=(ours[0], theirs[0]), generation=commit.generation + 1, time=clock())
        head = write_commit(tx.writer, merged)
        tx.publish([Move("chat/ours", ours[0], head), Move("chat/theirs", theirs[0], None)], "merge")
    repo.forget(Policy(last=1))
    assert forgotten(repo) == {*ours, *theirs}
    repo.gc()
    assert is_sound(repo)


def test_a_plan_stands_while_others_only_go_on(shared, days, clock):
    one, two = shared
    ids = days(one, "chat/alice", 5)
    plan = one.plan_forget(Policy(last=2))
    (newest,) = days(two, "chat/alice", 1)
    days(two, "chat/bob", 2)
    plan.execute()
    assert forgotten(one) == set(ids[2:])
    late: list[ObjectId] = []
    clock.before = lambda: late.extend(days(two, "chat/alice", 1))
    one.forget(Policy(last=2), "chat/alice")  # reads the clock when its plan is made
    assert len(late) == 1
    assert forgotten(one) == set(ids[1:])
    assert one.view("chat/alice~1").id == newest


@pytest.mark.parametrize("meanwhile", ["fork", "move", "tag", "undo", "forget"])
def test_a_plan_is_refused_when_a_ref_came_to_what_it_would_forget(repo, days, meanwhile):
    days(repo, "chat/alice", 4)
    chosen = repo.resolve("chat/alice~2").id
    plan = repo.plan_forget(Policy(last=1))
    if meanwhile == "fork":
        repo.fork("chat/alice~1", "chat/again")
    elif meanwhile == "move":
        repo.set_ref("chat/alice", chosen, expected=repo.find_ref("chat/alice"))
    elif meanwhile == "tag":
        repo.tag("good", chosen.hex())
    elif meanwhile == "forget":
        repo.forget(Policy(last=3))
    else:
        repo.plan_undo().execute()
    before = forgotten(repo)
    with pytest.raises(MustRestart):
        plan.execute()
    assert forgotten(repo) == before


def test_a_commit_that_becomes_a_head_while_it_is_forgotten_stays(shared, days, clock, is_sound):
    one, two = shared
    days(one, "chat/alice", 5)
    clock.before = lambda: two.fork("chat/alice~3", "chat/rescued")
    one.forget(Policy(last=1), "chat/alice")
    one.gc()
    assert one.view("chat/rescued").read("big") and one.view("chat/rescued~1").read("big")
    assert is_sound(one)


# -- the bin


def test_the_bin_is_emptied_by_the_time_of_the_drop(repo, days, clock, is_sound):
    old, young = days(repo, "chat/old", 3), days(repo, "chat/young", 3)
    days(repo, "chat/here", 40)
    repo.plan_drop("chat/old").execute()
    clock.now += 20 * DAY
    repo.plan_drop("chat/young").execute()
    clock.now += 20 * DAY
    days(repo, "chat/here", 1)
    plan = repo.plan_forget(Policy(within_ns=30 * DAY), dropped=True)
    assert {context.ref: len(context.forgotten) for context in plan.contexts} == {"chat/old": 3, "chat/young": 0}
    plan.execute()
    assert forgotten(repo) == set(old)
    assert repo.forget(Policy(within_ns=HOUR), "chat/young", dropped=True).plan.forgotten == 3
    assert forgotten(repo) == {*old, *young}
    repo.gc()
    assert is_sound(repo)


def test_in_the_bin_only_the_policy_keeps(repo, days):
    ids = days(repo, "chat/alice", 5)
    repo.plan_drop("chat/alice").execute()
    assert repo.forget(Policy(last=2), dropped=True).plan.reasons.keys() == set(ids[2:])


def test_what_a_context_or_a_tag_has_is_not_in_the_bin(repo, days):
    ids = days(repo, "chat/alice", 6)
    repo.fork("chat/alice~4", "chat/fork")
    repo.tag("v1", "chat/alice~2")
    repo.plan_drop("chat/alice").execute()
    plan = repo.plan_forget(Policy(tagged=True), dropped=True)
    assert set(plan.reasons) == set(ids[:2])


def test_what_a_ref_was_moved_away_from_is_in_the_bin(repo, days):
    ids = days(repo, "chat/alice", 3)
    repo.set_ref("chat/alice", ids[2], expected=ids[0])
    assert set(repo.plan_forget(Policy(tagged=True), dropped=True).reasons) == set(ids[:2])


def test_a_drop_by_a_clock_that_was_behind_is_no_older_than_the_run_before_it(repo, days, clock):
    days(repo, "chat/alice", 3)
    clock.now -= 3650 * DAY
    repo.plan_drop("chat/alice").execute()
    clock.now += 3650 * DAY
    days(repo, "chat/here", 2)
    assert repo.plan_forget(Policy(within_ns=10 * DAY), dropped=True).forgotten == 0


def test_undoing_a_drop_brings_back_what_was_forgotten_of_it(repo, days, is_sound):
    days(repo, "chat/alice", 3)
    dropped = repo.plan_drop("chat/alice").execute()
    repo.forget(Policy(tagged=True), dropped=True)
    repo.plan_undo(dropped.id.hex()).execute()
    repo.gc()
    assert repo.view("chat/alice").read("big")
    assert is_sound(repo)


# -- clocks


def test_a_clock_that_jumped_ahead_forgets_nothing_before_something_is_saved_by_it(repo, days, clock):
    days(repo, "chat/alice", 6)
    policy = Policy(last=9, max_age_ns=10 * DAY)
    clock.now += 3650 * DAY
    assert repo.forget(policy).plan.forgotten == 0
    # Runs that save nothing are no evidence of the time either.
    repo.set_policy("mine", policy)
    assert repo.forget(Policy(last=5, max_age_ns=10 * DAY)).plan.forgotten == 1
    assert repo.forget(policy).plan.forgotten == 0


def test_a_clock_set_back_makes_nothing_older(repo, days, clock):
    days(repo, "chat/alice", 3)
    clock.now -= 3650 * DAY
    days(repo, "chat/alice", 3)
    assert repo.plan_forget(Policy(within_ns=20 * DAY)).forgotten == 0
    clock.now += 3660 * DAY
    days(repo, "chat/other", 1)
    assert repo.plan_forget(Policy(within_ns=20 * DAY)).forgotten == 0


@pytest.mark.parametrize("jump", [3, 40])
def test_one_snapshot_by_a_clock_that_jumped_years_forgets_nothing(repo, days, clock, jump):
    days(repo, "chat/alice", 8)
    clock.now += jump * 365 * DAY
    days(repo, "chat/alice", 1)
    assert repo.plan_forget(Policy(within_ns=30 * DAY)).forgotten == 0
    days(repo, "chat/bob", 1)  # the second run confirms the time
    assert repo.plan_forget(Policy(within_ns=30 * DAY)).forgotten == 8


def test_incremental_snapshots_displace_no_full_one(home, environment, place, line):
    home.write("one")
    with ctxstore.init(place, environment=environment) as repo:
        repo.snapshot([home.target])
        for number in range(3):
            home.append("one", line(10 + number))
            repo.snapshot([home.target], kind="incremental")
        plan = repo.plan_forget(Policy(last=1), "*one")
    (context,) = plan.contexts
    assert [verdict.keep for verdict in context.verdicts] == [True, False, False, True]


def test_automatic_snapshots_displace_no_backup_and_no_noted_state(home, environment, place, line):
    home.write("one")
    with ctxstore.init(place, environment=environment) as repo:
        for number, options in enumerate([{"kind": "full"}, {"note": "before it was compacted"}, *[{}] * 4]):
            home.append("one", line(10 + number))
            repo.snapshot([home.target], **options)
        plan = repo.plan_forget(Policy(last=2), "*one")
    (context,) = plan.contexts
    assert [verdict.keep for verdict in context.verdicts] == [True, True, False, False, True, True]


# -- at random


@pytest.mark.parametrize("seed", range(6))
def test_what_is_kept_is_there_whatever_was_forked_dropped_tagged_and_forgotten(
    seed: int, days: Any, place: Path, environment: Environment, is_sound: Any
) -> None:
    chance = random.Random(seed)
    with ctxstore.init(place, environment=environment) as repo:
        for step in range(30):
            names = [name for name, _ in repo.refs()]
            _do_something(repo, chance, days, names, step)
        contents = {ref: _contents(repo, ref) for ref, _ in repo.refs()}
        gone = forgotten(repo)
        assert gone
        repo.gc()
        for ref, content in contents.items():
            kept = [stored.id for stored in repo.log(ref) if stored.id not in gone]
            assert {id: repo.view(id.hex()).read("big") for id in kept} == {id: content[id] for id in kept}
        assert not gone & {stored.id for _, stored in [*repo.refs(), *repo.tags()]}
        assert is_sound(repo)


def _contents(repo: ctxstore.Repo, ref: str) -> dict[ObjectId, bytes]:
    return {id: repo.view(id.hex()).read("big") for id, _ in repo.log(ref)}


def _do_something(repo: ctxstore.Repo, chance: random.Random, days: Any, names: list[str], step: int) -> None:
    kind = chance.choice(["write", "write", "fork", "tag", "drop", "forget", "bin"])
    if kind == "write" or not names:
        days(repo, chance.choice([*names, f"chat/{step}"]), chance.randrange(1, 5))
    elif kind in ("fork", "tag"):
        history: list[StoredCommit] = list(islice(repo.log(chance.choice(names)), 6))
        rev = chance.choice(history).id.hex()
        if kind == "fork":
            repo.fork(rev, f"fork/{step}")
        else:
            repo.tag(f"t{step}", rev)
    elif kind == "drop" and len(names) > 2:
        repo.plan_drop(chance.choice(names)).execute()
    else:
        policy = Policy(last=chance.randrange(1, 4), weekly=chance.randrange(3), max_age_ns=40 * DAY)
        patterns = [chance.choice(names)] if kind == "forget" and chance.random() < 0.6 else []
        repo.forget(policy, *patterns, dropped=kind == "bin")
