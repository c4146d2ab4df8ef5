"""The messages of a draft, compared with a list. The stored list depends only on its content."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import InvalidInput
from ctxstore.trees.entries import MESSAGES

SLOW = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

values = st.integers(0, 9) | st.text(max_size=3)
edits = st.one_of(
    st.tuples(st.just("append"), values),
    st.tuples(st.just("extend"), st.lists(values, max_size=40)),
    st.tuples(st.just("insert"), st.integers(-70, 70), values),
    st.tuples(st.just("replace"), st.integers(-70, 70), values),
    st.tuples(st.just("delete"), st.integers(-70, 70)),
    st.tuples(st.just("delete slice"), st.integers(-70, 70), st.integers(-70, 70), st.sampled_from([None, 1, 2, -1])),
    st.tuples(st.just("clear")),
    st.tuples(st.just("read"), st.integers(-70, 70)),
    st.tuples(st.just("commit")),
    st.tuples(st.just("open anew")),
)


def change(messages, kind, *arguments):
    if kind == "replace":
        messages[arguments[0]] = arguments[1]
    elif kind == "delete":
        del messages[arguments[0]]
    elif kind == "delete slice":
        del messages[slice(*arguments)]
    elif kind == "read":
        return messages[arguments[0]]
    else:
        getattr(messages, kind)(*arguments)
    return None


def outcome(messages, edit):
    """Returns the result of an edit, or that it is refused."""
    try:
        return change(messages, *edit)
    except IndexError:
        return IndexError


def rebuilt(repo, messages):
    draft = repo.edit("rebuilt/x")
    draft.messages.clear()
    draft.messages.extend(messages)
    draft.commit()
    return repo.view("rebuilt/x").find_native(MESSAGES)


@given(steps=st.lists(edits, max_size=25))
@SLOW
def test_messages_are_a_list_whatever_is_done_to_them(steps):
    with ctxstore.init("memory:") as repo:
        draft, model, committed = repo.edit("chat/a"), [], []
        for step in steps:
            if step[0] == "commit":
                draft.commit()
                committed.append(list(model))
            elif step[0] == "open anew":
                draft, model = repo.edit("chat/a"), list(committed[-1]) if committed else []
            else:
                assert outcome(draft.messages, step) == outcome(model, step)
            assert len(draft.messages) == len(model)
            assert list(draft.messages) == model
        draft.commit()
        committed.append(model)
        history = list(repo.log("chat/a"))
        assert len(history) == len(committed)
        for (id, commit), expected in zip(history, reversed(committed), strict=True):
            view = repo.view(id.hex())
            assert list(view.messages) == expected
            assert len(view.messages) == len(expected)
            assert (commit.summary.messages or 0) == len(expected)
        # A list that was never changed is not stored; an empty one is.
        entry = repo.view("chat/a").find_native(MESSAGES)
        if entry is not None:
            assert entry == rebuilt(repo, model)
            assert repo.view("chat/a").commit.summary.bytes == entry.size
        else:
            assert model == []


def test_a_slice_of_a_draft_cannot_be_assigned(any_repo):
    draft = any_repo.edit("chat/a")
    draft.messages.append("x")
    with pytest.raises((TypeError, InvalidInput)):
        draft.messages[0:1] = "yz"
    assert list(draft.messages) == ["x"]


def test_a_later_change_of_a_value_does_not_reach_the_draft(any_repo):
    value = {"content": ["a"]}
    draft = any_repo.edit("chat/a")
    draft.messages.append(value)
    value["content"].append("b")
    draft.messages[0]["content"].append("c")
    draft.commit()
    assert list(any_repo.view("chat/a").messages) == [{"content": ["a"]}]


def test_stored_messages_are_read_like_a_sequence(any_repo):
    draft = any_repo.edit("chat/a")
    draft.messages.extend(range(100))
    draft.commit()
    found, model = any_repo.view("chat/a").messages, list(range(100))
    for part in (slice(None), slice(5, 9), slice(-3, None), slice(None, None, 7), slice(50, 10, -3), slice(200, 300)):
        assert found[part] == model[part]
    assert (found[0], found[-1], found[-100]) == (0, 99, 0)
    for bad in (100, -101):
        with pytest.raises(IndexError):
            found[bad]
    assert list(reversed(found)) == model[::-1]
    assert 50 in found
    assert found.index(7) == 7
    ids = list(found.ids())
    assert len(set(ids)) == 100


@pytest.fixture
def long(repo):
    draft = repo.edit("chat/long")
    draft.messages.extend({"n": n, "text": "x" * 50} for n in range(10_000))
    draft.commit()
    return draft


@pytest.fixture
def reads(repo, monkeypatch):
    found, real = [], repo._engine.store.get
    monkeypatch.setattr(repo._engine.store, "get", lambda id, kind: found.append(kind) or real(id, kind))
    return found


def test_reading_one_of_ten_thousand_messages_reads_few_objects(repo, long, reads):
    assert repo.view("chat/long").messages[5000]["n"] == 5000
    assert len(reads) < 16
    reads.clear()
    iterator = iter(repo.view("chat/long").messages)
    assert [next(iterator)["n"] for _ in range(3)] == [0, 1, 2]
    assert len(reads) < 16


def test_reading_one_message_of_a_draft_reads_few_objects(repo, long, reads):
    draft = repo.edit("chat/long")
    reads.clear()
    assert draft.messages[-1]["n"] == 9999
    assert draft.messages[5000]["n"] == 5000
    draft.messages.append({"n": 10_000})
    assert draft.messages[-1]["n"] == 10_000
    draft.commit()
    assert len(reads) < 40
    assert len(repo.view("chat/long").messages) == 10_001


def test_appending_to_ten_thousand_messages_reads_few_objects(repo, long, reads):
    draft = repo.edit("chat/long")
    draft.messages.append({"n": 10_000})
    draft.commit()
    assert len(reads) < 16
