"""Unreachable commits. They are listed, and can be restored as long as they are complete."""

from __future__ import annotations

from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import NotFound
from ctxstore.history.commits import Author, Commit, write_commit
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import Move, transaction


def commit(repo: ctxstore.Repo, ref: str, *texts: str) -> list[bytes]:
    draft = repo.edit(ref)
    ids = []
    for text in texts:
        draft.messages.append({"role": "user", "content": text * 50})
        ids.append(draft.commit().id)
    return ids


def drop(repo: ctxstore.Repo, ref: str) -> None:
    repo.set_ref(ref, None, expected=repo.find_ref(ref))


def test_what_is_reached_is_not_listed(repo: ctxstore.Repo) -> None:
    commit(repo, "chat/a", "1", "2")
    repo.fork("chat/a~1", "chat/b")
    with transaction(repo._engine) as tx:
        tx.publish([Move("tag:good", None, repo.find_ref("chat/a"))], "tag")
    drop(repo, "chat/a")
    assert list(repo.iter_unreachable()) == []


def test_a_dropped_context_is_listed_by_its_newest_commit_and_comes_back(repo: ctxstore.Repo) -> None:
    ids = commit(repo, "chat/a", "1", "2", "3")
    commit(repo, "chat/b", "4")
    drop(repo, "chat/a")
    (found,) = repo.iter_unreachable()
    assert (found.id, found.commit.ref, found.commits, found.state, found.in_log) == (
        ids[2],
        "chat/a",
        3,
        "whole",
        True,
    )
    assert {each.id for each in repo.iter_unreachable(all=True)} == set(ids)
    repo.fork(found.id.hex()[:8], "chat/back")
    assert [stored.id for stored in repo.log("chat/back")] == ids[::-1]
    assert list(repo.iter_unreachable()) == []


def test_commits_a_fork_still_reaches_are_not_counted(repo: ctxstore.Repo) -> None:
    ids = commit(repo, "chat/a", "1", "2", "3")
    repo.fork(ids[0].hex(), "chat/b")
    drop(repo, "chat/a")
    assert [(each.id, each.commits) for each in repo.iter_unreachable()] == [(ids[2], 2)]


def test_a_forgotten_commit_is_whole_until_it_is_collected(repo: ctxstore.Repo) -> None:
    (id,) = commit(repo, "chat/a", "1")
    drop(repo, "chat/a")
    with transaction(repo._engine) as tx:
        tx.forget({id: Forgotten(1, "too old")})
        tx.publish([], "forget")
    assert [(each.state, each.forgotten) for each in repo.iter_unreachable()] == [("whole", "too old")]
    repo.gc()
    assert [(each.state, each.forgotten) for each in repo.iter_unreachable()] == [("collected", "too old")]
    with pytest.raises(NotFound):
        repo.fork(id.hex(), "chat/back")


def test_a_commit_that_no_run_tells_of_is_found_in_its_pack_and_by_its_id(repo: ctxstore.Repo, place: Path) -> None:
    (id,) = commit(repo, "chat/a", "1")
    with transaction(repo._engine) as tx:
        tree = repo.resolve("chat/a").commit.tree
        left = write_commit(tx.writer, Commit(tree, (id,), 1, 5, Author("u", "h", "t"), "chat/a"))
        tx.publish([], "something else")
    with ctxstore.open(place) as fresh:
        (found,) = fresh.iter_unreachable()
        assert (found.id, found.commits, found.state, found.in_log) == (left, 1, "whole", False)
        assert fresh.view(left.hex()[:10]).id == left
        assert fresh.fork(left.hex()[:10], "chat/back").id == left
        assert list(fresh.iter_unreachable()) == []


def test_before_a_newest_commit_that_is_collected_the_newest_whole_one_is_listed(repo: ctxstore.Repo) -> None:
    ids = commit(repo, "chat/a", "1", "2", "3", "4")
    drop(repo, "chat/a")
    with transaction(repo._engine) as tx:
        tx.forget({id: Forgotten(1, "let go") for id in ids[2:]})
        tx.publish([], "forget")
    repo.gc()
    assert [(each.id, each.state, each.commits) for each in repo.iter_unreachable()] == [
        (ids[3], "collected", 4),
        (ids[1], "whole", 2),
    ]
    repo.fork(ids[1].hex(), "chat/back")
    assert [(each.id, each.state) for each in repo.iter_unreachable()] == [(ids[3], "collected")]
