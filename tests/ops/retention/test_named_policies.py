"""Settings and named policies. A repository stores them, undoable runs change them, and reads are strict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ctxstore
from ctxstore import Policy
from ctxstore.errors import Conflict, Corrupt, InvalidInput, NotFound, UnknownFormat
from ctxstore.history.engine import real_environment
from ctxstore.ops.refs.settings import change_setting, find_setting, iter_settings
from ctxstore.ops.retention.duration import DAY, HOUR
from ctxstore.ops.retention.named_policies import BUILT_IN, MAX_AUTOMATIC, AutomaticPolicy, decode_policy, encode_policy

FULL = Policy(1, 36 * HOUR, 2, 3, 4, 5, 6, True, 400 * DAY)


def put(repo: ctxstore.Repo, name: str, value: Any) -> bool:
    return change_setting(repo._engine, name, lambda _: value, "test")


def commits(repo: ctxstore.Repo, ref: str, number: int) -> None:
    draft = repo.edit(ref)
    for each in range(number):
        draft.messages.append({"n": each})
        draft.commit()


def test_a_setting_is_what_was_set_last_and_is_listed_by_name(repo):
    engine = repo._engine
    assert find_setting(engine, "a") is None
    assert put(repo, "b/1", {"x": [1, None, "é"]}) and put(repo, "a", 1) and put(repo, "a", 2)
    assert not put(repo, "a", 2)
    assert find_setting(engine, "a") == 2
    assert list(iter_settings(engine)) == [("a", 2), ("b/1", {"x": [1, None, "é"]})]
    assert list(iter_settings(engine, "b/")) == [("b/1", {"x": [1, None, "é"]})]
    put(repo, "a", None)
    assert find_setting(engine, "a") is None
    assert [op.command for _, op, _ in repo.ops()] == ["test"] * 4
    assert list(repo.refs()) == []


def test_a_change_of_a_setting_is_undone_like_any_other(repo, is_sound):
    put(repo, "a", 1)
    put(repo, "a", 2)
    repo.plan_undo().execute()
    repo.gc()
    assert find_setting(repo._engine, "a") == 1
    assert is_sound(repo)


def test_a_change_is_made_anew_when_somebody_was_faster(repo, place):
    with ctxstore.open(place) as other:
        seen = []

        def add(value: Any) -> Any:
            seen.append(value)
            if len(seen) == 1:
                put(other, "list", ["theirs"])
            return [*(value or []), "ours"]

        change_setting(repo._engine, "list", add, "test")
    assert seen == [None, ["theirs"]]
    assert find_setting(repo._engine, "list") == ["theirs", "ours"]


@pytest.mark.parametrize("policy", [FULL, Policy(last=1), Policy(tagged=True), *BUILT_IN.values()])
def test_a_policy_comes_back_from_its_json_value(policy):
    assert decode_policy(encode_policy(policy), "x") == policy


@pytest.mark.parametrize(
    "value",
    [
        *(None, 1, [], "last 1", {}, {"max_age": "30d"}, {"last": 0}, {"last": -1}, {"last": 10**7}, {"last": True}),
        *({"last": "1"}, {"last": 1.0}, {"within": 30}, {"within": "30"}, {"within": ""}, {"tagged": 1}),
        *({"tagged": False}, {"last": 1, "max_age": "9999y"}, {"last": None}),
    ],
)
def test_a_stored_policy_that_is_malformed_is_refused(value, repo):
    if value is not None:
        put(repo, "policy/mine", value)
        with pytest.raises(Corrupt, match="'mine' is malformed") as caught:
            repo.get_policy("mine")
        assert "policy set mine" in caught.value.hint
        with pytest.raises(Corrupt):
            list(repo.policies())
    else:
        with pytest.raises(Corrupt):
            decode_policy(value, "mine")


def test_a_rule_that_is_not_known_is_refused_because_it_might_keep(repo):
    put(repo, "policy/mine", {"last": 1, "every_full_moon": 3})
    with pytest.raises(UnknownFormat, match="every_full_moon"):
        repo.forget("mine")


def test_the_built_in_policy_is_used_until_the_repository_has_one_of_its_name(repo):
    assert repo.get_policy("session-backup") == Policy(last=10, max_age_ns=30 * DAY)
    assert [(each.name, each.is_built_in) for each in repo.policies()] == [("session-backup", True)]
    assert repo.set_policy("session-backup", Policy(last=3)) and not repo.set_policy("session-backup", Policy(last=3))
    repo.set_policy("all", FULL)
    assert list(repo.policies()) == [("all", FULL, False), ("session-backup", Policy(last=3), False)]
    repo.remove_policy("session-backup")
    assert repo.get_policy("session-backup") == BUILT_IN["session-backup"]
    with pytest.raises(NotFound, match="built in"):
        repo.remove_policy("session-backup")
    with pytest.raises(NotFound, match="no policy 'none'"):
        repo.remove_policy("none")
    with pytest.raises(NotFound, match="no policy 'none'"):
        repo.plan_forget("none")


@pytest.mark.parametrize("name", ["", "a/b", "-x", "a b", "a:b", "x" * 65, "é", "a\n"])
def test_a_name_no_policy_may_have_is_refused(repo, name):
    for action in (lambda: repo.set_policy(name, FULL), lambda: repo.get_policy(name)):
        with pytest.raises(InvalidInput, match="not a valid name for a policy"):
            action()


def test_a_policy_that_cannot_be_written_is_refused(repo):
    for policy in (Policy(), Policy(max_age_ns=DAY), Policy(last=1, within_ns=1)):
        with pytest.raises(InvalidInput):
            repo.set_policy("mine", policy)


def test_retention_has_one_policy_for_each_pattern(repo):
    repo.set_policy("mine", FULL)
    assert repo.set_retention("session-backup") and repo.set_retention("mine", "chat/*")
    assert repo.set_retention("session-backup", "chat/*") and not repo.set_retention("session-backup", "chat/*")
    assert repo.retention() == [AutomaticPolicy("", "session-backup"), AutomaticPolicy("chat/*", "session-backup")]
    assert repo.stop_retention() and not repo.stop_retention()
    assert repo.retention() == []
    with pytest.raises(NotFound):
        repo.set_retention("none")


def test_a_policy_that_snapshots_apply_is_not_removed(repo):
    repo.set_policy("mine", FULL)
    repo.set_retention("mine")
    with pytest.raises(Conflict, match="snapshots apply"):
        repo.remove_policy("mine")
    repo.stop_retention()
    repo.remove_policy("mine")


def test_patterns_are_limited(repo):
    put(repo, "retention", [{"pattern": str(n), "policy": "session-backup"} for n in range(MAX_AUTOMATIC)])
    with pytest.raises(InvalidInput, match="more than"):
        repo.set_retention("session-backup", "one more")


@pytest.mark.parametrize(
    "value",
    [1, {}, [1], [{}], [{"pattern": "x"}], [{"pattern": 1, "policy": "x"}], [{"pattern": "", "policy": "", "z": 1}]],
)
def test_retention_that_is_malformed_is_refused(repo, value):
    put(repo, "retention", value)
    with pytest.raises(Corrupt, match="malformed"):
        repo.apply_retention()


# -- after a snapshot


class Ticking:
    """A clock that advances only when set, or by `step` at each reading."""

    def __init__(self) -> None:
        self.now, self.step = 1_700_000_000 * 10**9, 0

    def __call__(self) -> int:
        self.now += self.step
        return self.now


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def timed(place: Path, clock: Ticking) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(place, environment=real_environment()._replace(clock=clock)) as made:
        yield made


@pytest.fixture
def daily(timed: ctxstore.Repo, clock: Ticking) -> Callable[[int], None]:
    def write(number: int) -> None:
        for _ in range(number):
            clock.now += DAY
            commits(timed, "chat/alice", 1)

    return write


def test_without_retention_nothing_is_forgotten(repo):
    commits(repo, "chat/alice", 20)
    assert repo.apply_retention() is None
    assert len(repo.forgotten()) == 0


def test_retention_forgets_what_no_policy_of_a_context_keeps(repo, is_sound):
    repo.set_policy("two", Policy(last=2))
    repo.set_policy("four", Policy(last=4))
    repo.set_retention("two", "chat/*")
    repo.set_retention("four", "*alice")
    repo.set_retention("two", "nobody")
    for name in ("chat/alice", "chat/bob", "work/carol"):
        commits(repo, name, 6)
    result = repo.apply_retention()
    assert {context.ref: len(context.forgotten) for context in result.plan.contexts} == {"chat/alice": 2, "chat/bob": 4}
    assert len(repo.forgotten()) == 6
    assert is_sound(repo)


def test_retention_does_not_take_the_time_from_the_run_it_follows(timed, daily, clock):
    timed.set_retention("session-backup")
    daily(8)
    clock.now += 300 * DAY
    daily(1)
    assert timed.apply_retention().plan.forgotten == 0
    assert timed.plan_forget("session-backup").forgotten == 8


def test_retention_waits_so_that_it_takes_a_hundredth_of_the_time_at_most(timed, daily, clock):
    timed.set_policy("two", Policy(last=2))
    timed.set_retention("two")
    daily(3)
    clock.step = 10**6
    assert timed.apply_retention().plan.forgotten == 1
    commits(timed, "chat/alice", 1)
    assert timed.apply_retention() is None
    timed.set_retention("two", "chat/*")
    assert timed.apply_retention().plan.forgotten == 1  # the policy has changed
    commits(timed, "chat/alice", 1)
    clock.now += 10**9
    assert timed.apply_retention().plan.forgotten == 1
    clock.now -= 10**18
    assert timed.apply_retention() is not None  # a clock that was set back does not stop it for years


@pytest.mark.parametrize(
    "damage", [b"", b"\x00", b"\x83\x01\x02\x03", b"\x84\x01\x61a\x02\xf6", b"\x84\x02\x01\x01\xf6"]
)
def test_a_note_that_is_damaged_is_written_anew(timed, daily, place, damage):
    timed.set_retention("session-backup")
    daily(12)
    (place / "cache" / "retention-note").write_bytes(damage)
    assert timed.apply_retention().plan.forgotten == 2
    assert (place / "cache" / "retention-note").read_bytes() != damage
