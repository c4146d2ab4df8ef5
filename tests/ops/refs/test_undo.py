"""Undo. It reverts all changes of an op or none, as long as the objects it needs exist."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import ctxstore
from ctxstore.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from ctxstore.history import bases as bases_module
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import Kind, ObjectId
from ctxstore.objects.encoding import encode_record


def commit(repo: ctxstore.Repo, ref: str, text: str) -> ObjectId:
    draft = repo.edit(ref)
    draft.messages.append({"role": "user", "content": text})
    return draft.commit(text).id


def texts(repo: ctxstore.Repo, ref: str) -> list[str]:
    return [record["content"] for record in repo.view(ref).messages]


def heads(repo: ctxstore.Repo) -> dict[str, ObjectId]:
    engine = repo._engine
    return dict(engine.refs(engine.root()).iter_all())


def newest(repo: ctxstore.Repo) -> str:
    return next(iter(repo.ops()))[0].hex()


def forget(repo: ctxstore.Repo, *ids: ObjectId) -> None:
    with transaction(repo._engine) as tx:
        tx.forget({id: Forgotten(1, "too old") for id in ids})
        tx.publish([], "forget")


def forgotten(repo: ctxstore.Repo) -> set[ObjectId]:
    return set(repo._engine.forgotten(repo._engine.root()).ids())


def undo(repo: ctxstore.Repo, op: str | None = None) -> Any:
    return repo.plan_undo(op).execute()


def test_undoing_again_and_again_goes_back_to_the_beginning(repo: ctxstore.Repo) -> None:
    states = [heads(repo)]
    for text in ("one", "two", "three"):
        commit(repo, "a", text)
        states.append(heads(repo))
    repo.tag("good", "a~1")
    states.append(heads(repo))
    repo.rename("a", "b")
    for state in reversed(states):
        undo(repo)
        assert heads(repo) == state
    with pytest.raises(NotFound, match="nothing to undo"):
        repo.plan_undo()


def test_an_undo_can_be_undone_and_then_its_op_be_undone_once_more(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    two = commit(repo, "a", "two")
    first = undo(repo)
    undo(repo, first.id.hex())
    assert heads(repo) == {"a": two}
    undo(repo)
    assert texts(repo, "a") == ["one"]


def test_an_undo_says_what_it_undid(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    op = newest(repo)
    done = undo(repo)
    assert (done.op.command, done.op.undoes) == ("undo", bytes.fromhex(op))
    assert op[:8] in done.op.note
    assert [(run.op.command, run.is_undone) for run in repo.ops()] == [("undo", False), ("commit", True)]


def test_an_op_in_the_middle_can_be_undone_if_nothing_came_after_it(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    op = newest(repo)
    commit(repo, "b", "other")
    undo(repo, op[:8])
    assert list(heads(repo)) == ["b"]


def test_what_changed_since_is_a_conflict_that_names_the_ref_and_the_later_op(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    one = heads(repo)["a"]
    commit(repo, "a", "two")
    op = newest(repo)
    commit(repo, "a", "three")
    before = heads(repo)
    with pytest.raises(Conflict, match=r"^a changed since") as caught:
        repo.plan_undo(op)
    assert newest(repo)[:8] in caught.value.message and newest(repo)[:8] in caught.value.hint
    assert f"ctx fork {one.hex()[:8]} NAME" in caught.value.hint
    assert heads(repo) == before


def test_the_later_op_that_is_named_is_one_that_still_stands(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    op = newest(repo)
    commit(repo, "a", "two")
    named = newest(repo)
    commit(repo, "a", "three")
    undo(repo)
    commit(repo, "b", "other")
    with pytest.raises(Conflict) as caught:
        repo.plan_undo(op)
    assert caught.value.hint.startswith(f"undo op:{named[:8]} first")
    undo(repo, named)
    undo(repo, op)
    assert list(heads(repo)) == ["b"]


def test_nothing_goes_back_unless_everything_can(repo: ctxstore.Repo) -> None:
    for ref in ("a", "b"):
        commit(repo, ref, ref)
    repo.plan_drop("a", "b").execute()
    op = newest(repo)
    commit(repo, "a", "made anew")
    before = heads(repo)
    with pytest.raises(Conflict, match=r"^a changed"):
        repo.plan_undo(op)
    assert heads(repo) == before


def test_what_was_undone_already_is_not_undone_twice(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    op = newest(repo)
    done = undo(repo)
    with pytest.raises(Conflict, match="was already undone") as caught:
        repo.plan_undo(op)
    assert done.id.hex()[:8] in caught.value.hint


def test_a_commit_between_plan_and_execution_is_not_lost(repo: ctxstore.Repo, place: Any) -> None:
    commit(repo, "a", "one")
    commit(repo, "a", "two")
    plan = repo.plan_undo()
    with ctxstore.open(place) as other:
        commit(other, "a", "three")
    with pytest.raises(Conflict, match=r"^a changed since"):
        plan.execute()
    assert texts(repo, "a") == ["one", "two", "three"]


def test_a_commit_that_wins_the_swap_is_not_lost(repo: ctxstore.Repo, place: Any, monkeypatch: Any) -> None:
    commit(repo, "a", "one")
    plan = repo.plan_undo()
    storage = repo._engine.storage
    swap = type(storage).swap

    def beaten(*args: Any) -> None:
        monkeypatch.undo()
        with ctxstore.open(place) as other:
            commit(other, "a", "two")
        swap(storage, *args)

    monkeypatch.setattr(storage, "swap", beaten)
    with pytest.raises(Conflict, match=r"^a changed since"):
        plan.execute()
    assert texts(repo, "a") == ["one", "two"]


def test_a_commit_to_another_context_that_wins_the_swap_does_no_harm(
    repo: ctxstore.Repo, place: Any, monkeypatch: Any
) -> None:
    commit(repo, "a", "one")
    plan = repo.plan_undo()
    storage = repo._engine.storage
    swap = type(storage).swap

    def beaten(*args: Any) -> None:
        monkeypatch.undo()
        with ctxstore.open(place) as other:
            commit(other, "b", "two")
        swap(storage, *args)

    monkeypatch.setattr(storage, "swap", beaten)
    plan.execute()
    assert list(heads(repo)) == ["b"]


def test_undoing_a_forgetting_brings_the_commits_back(repo: ctxstore.Repo) -> None:
    one, two = commit(repo, "a", "one"), commit(repo, "a", "two")
    commit(repo, "a", "three")
    forget(repo, one, two)
    plan = repo.plan_undo()
    assert set(plan.restored) == {one, two}
    done = plan.execute()
    assert not forgotten(repo) and done.op.statistics == {"came_back": 2}
    repo.gc()
    assert texts(repo, "a~2") == ["one"]


def test_undoing_that_undo_forgets_them_again(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    commit(repo, "a", "two")
    forget(repo, one)
    first = undo(repo)
    plan = repo.plan_undo(first.id.hex())
    assert plan.forgotten == (one,)
    plan.execute()
    assert repo._engine.forgotten(repo._engine.root()).find(one) == Forgotten(1, "too old")


def test_what_was_forgotten_again_by_a_later_op_is_a_conflict(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    commit(repo, "a", "two")
    forget(repo, one)
    first = newest(repo)
    undo(repo)
    with transaction(repo._engine) as tx:
        tx.forget({one: Forgotten(2, "again")})
        tx.publish([], "forget")
    with pytest.raises(Conflict):
        repo.plan_undo(first)
    undo(repo)
    assert not forgotten(repo)


def test_an_undo_that_forgets_again_starts_anew_when_it_is_beaten(
    repo: ctxstore.Repo, place: Any, monkeypatch: Any
) -> None:
    one = commit(repo, "a", "one")
    commit(repo, "a", "two")
    forget(repo, one)
    plan = repo.plan_undo(undo(repo).id.hex())
    storage = repo._engine.storage
    swap = type(storage).swap

    def beaten(*args: Any) -> Any:
        monkeypatch.undo()
        with ctxstore.open(place) as other:
            other.tag("keep", "a~1")
        return swap(storage, *args)

    monkeypatch.setattr(storage, "swap", beaten)
    plan.execute()
    assert not forgotten(repo) and plan.forgotten == ()


def test_what_a_tag_holds_by_now_is_not_forgotten_again(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    commit(repo, "a", "two")
    forget(repo, one)
    first = undo(repo)
    repo.tag("keep", "a~1")
    undo(repo, first.id.hex())
    assert not forgotten(repo)


def test_after_gc_the_error_says_which_commit_is_gone_and_why(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    draft = repo.edit("a")
    draft.messages.clear()
    draft.messages.append("other")
    draft.commit()
    forget(repo, one)
    op = newest(repo)
    repo.gc()
    before = newest(repo)
    with pytest.raises(NotFound, match=f"op:{op[:8]} can't be undone any more: commit {one.hex()[:8]}") as caught:
        repo.plan_undo()
    assert "too old" in caught.value.message and "collected" in caught.value.message
    assert newest(repo) == before


def test_a_ref_does_not_go_back_to_a_commit_that_is_collected(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    draft = repo.edit("a")
    draft.messages.clear()
    draft.messages.append("other")
    draft.commit()
    op = newest(repo)
    forget(repo, one)
    repo.gc()
    with pytest.raises(NotFound, match="can't be undone any more"):
        repo.plan_undo(op)


def test_a_ref_that_goes_back_to_a_forgotten_commit_keeps_its_content(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    commit(repo, "a", "two")
    op = newest(repo)
    forget(repo, one)
    undo(repo, op)
    repo.gc()
    assert texts(repo, "a") == ["one"] and not forgotten(repo)


def test_settings_are_undone_too(repo: ctxstore.Repo) -> None:
    ids = []
    for value in ("a", "b"):
        with transaction(repo._engine) as tx:
            ids.append(tx.writer.put(Kind.RECORD, encode_record(value)))
            tx.publish([Move("setting:x", tx.refs.find("setting:x"), ids[-1])], "set")
    undo(repo)
    assert heads(repo) == {"setting:x": ids[0]}
    undo(repo)
    assert not heads(repo)


def test_a_dropped_context_is_restored_after_gc(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    commit(repo, "a", "two")
    repo.plan_drop("a").execute()
    repo.gc()
    undo(repo)
    assert texts(repo, "a") == ["one", "two"] and texts(repo, "a~1") == ["one"]


def test_undoing_an_op_reads_it_once_however_many_contexts_it_moved(repo: ctxstore.Repo, monkeypatch: Any) -> None:
    before = {ref: commit(repo, ref, ref) for ref in (f"many/{n}" for n in range(40))}
    repo.plan_drop("many/*").execute()
    real, read = bases_module.iter_ops, []

    def iter_ops(*arguments: Any) -> Iterator[Any]:
        for found in real(*arguments):
            read.append(found[0])
            yield found

    monkeypatch.setattr(bases_module, "iter_ops", iter_ops)
    undo(repo)
    assert heads(repo) == before
    assert 0 < len(read) <= 4  # by the plan, and by its execution


def test_drop_takes_globs_and_whole_names_but_no_parts(repo: ctxstore.Repo) -> None:
    for ref in ("chat/a", "chat/b", "other"):
        commit(repo, ref, ref)
    with pytest.raises(NotFound, match="'b'") as caught:
        repo.plan_drop("b")
    assert "chat/b" in caught.value.hint
    with pytest.raises(NotFound, match="no context matches"):
        repo.plan_drop("chat/*", "nope*")
    plan = repo.plan_drop("chat/*", "chat/a")
    assert [name for name, _ in plan.contexts] == ["chat/a", "chat/b"]
    plan.execute()
    assert list(heads(repo)) == ["other"]


def test_drop_does_not_take_tags_or_settings(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    repo.tag("t", "a")
    with pytest.raises(NotFound):
        repo.plan_drop("tag:t")
    repo.plan_drop("*").execute()
    assert list(heads(repo)) == ["tag:t"]


def test_a_context_that_grew_after_the_plan_is_not_dropped(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    plan = repo.plan_drop("a")
    commit(repo, "a", "two")
    with pytest.raises(Conflict):
        plan.execute()
    assert texts(repo, "a") == ["one", "two"]


def test_rename_is_one_op_and_keeps_the_history(repo: ctxstore.Repo) -> None:
    commit(repo, "a", "one")
    commit(repo, "a", "two")
    repo.rename("a", "b/c")
    assert list(heads(repo)) == ["b/c"] and texts(repo, "b/c~1") == ["one"]
    commit(repo, "b/c", "three")
    assert texts(repo, "b/c") == ["one", "two", "three"]


def test_rename_overwrites_nothing(repo: ctxstore.Repo) -> None:
    for ref in ("a", "b"):
        commit(repo, ref, ref)
    for new in ("b", "a"):
        with pytest.raises(AlreadyExists):
            repo.rename("a", new)
    with pytest.raises(NotFound):
        repo.rename("c", "d")
    with pytest.raises(InvalidInput):
        repo.rename("a", "tag:x")


def test_a_fork_from_a_forgotten_commit_brings_it_back(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    commit(repo, "a", "two")
    forget(repo, one)
    repo.fork("a~1", "b")
    assert not forgotten(repo)
    with pytest.raises(AlreadyExists):
        repo.fork("a", "b")
    undo(repo)
    assert forgotten(repo) == {one}


def test_an_op_without_effect_on_the_forgotten_says_so(repo: ctxstore.Repo) -> None:
    one = commit(repo, "a", "one")
    commit(repo, "a", "two")
    forget(repo, one)
    effects = [repo.op_effect(op) for _, op, _ in repo.ops()]
    assert [len(effect.forgot) for effect in effects] == [1, 0, 0]
