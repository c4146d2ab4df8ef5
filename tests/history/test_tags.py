"""Tags: names of commits. Revisions accept them, and they keep their commits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import AlreadyExists, InvalidInput, NotFound
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import transaction


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[ctxstore.Repo]:
    with ctxstore.init(tmp_path / "repository") as made:
        for ref in ("chat/alice", "chat/bob"):
            draft = made.edit(ref)
            for text in ("one", "two"):
                draft.messages.append(text)
                draft.commit(text)
        yield made


def test_a_tag_names_a_commit_for_good(repo: ctxstore.Repo) -> None:
    tagged = repo.tag("good", "chat/alice~1")
    repo.edit("chat/alice").commit("three")
    assert repo.resolve("tag:good").id == repo.resolve("good").id == tagged.id
    assert repo.resolve("good").ref == "chat/alice"
    assert list(repo.view("tag:good").messages) == ["one"]
    assert [(name, stored.id) for name, stored in repo.tags()] == [("good", tagged.id)]


def test_suffixes_count_from_the_tagged_commit(repo: ctxstore.Repo) -> None:
    repo.tag("good", "chat/alice")
    assert repo.resolve("tag:good~1").id == repo.resolve("good~").id == repo.resolve("chat/alice~1").id


def test_a_contexts_exact_name_comes_before_a_tag(repo: ctxstore.Repo) -> None:
    repo.tag("chat/bob", "chat/alice")
    assert repo.resolve("chat/bob").ref == "chat/bob"
    assert repo.resolve("tag:chat/bob").ref == "chat/alice"


def test_a_tag_and_a_part_of_a_name_are_ambiguous(repo: ctxstore.Repo) -> None:
    repo.tag("bob", "chat/alice")
    with pytest.raises(InvalidInput, match="tag:bob, chat/bob"):
        repo.resolve("bob")
    assert repo.resolve("tag:bob").ref == "chat/alice"


def test_a_tag_is_no_context(repo: ctxstore.Repo) -> None:
    repo.tag("good", "chat/alice")
    assert [name for name, _ in repo.refs()] == ["chat/alice", "chat/bob"]
    for name in ("tag:new", "setting:x"):
        with pytest.raises(InvalidInput):
            repo.edit(name)
        with pytest.raises(InvalidInput):
            repo.fork("chat/alice", name)
    with pytest.raises(NotFound):
        repo.resolve("setting:x")


def test_a_tag_moves_only_by_force(repo: ctxstore.Repo) -> None:
    repo.tag("good", "chat/alice")
    with pytest.raises(AlreadyExists, match="tag:good"):
        repo.tag("good", "chat/bob")
    repo.tag("tag:good", "chat/bob", force=True)
    assert repo.resolve("tag:good").ref == "chat/bob"


def test_tagging_what_is_tagged_already_writes_nothing(repo: ctxstore.Repo) -> None:
    repo.tag("good", "chat/alice")
    ops = len(list(repo.ops()))
    repo.tag("good", "chat/alice")
    assert len(list(repo.ops())) == ops


def test_a_deleted_tag_is_gone(repo: ctxstore.Repo) -> None:
    id = repo.tag("good", "chat/alice").id
    assert repo.delete_tag("good") == id
    with pytest.raises(NotFound, match="no tag 'good'"):
        repo.resolve("tag:good")
    with pytest.raises(NotFound, match="no tag 'good'"):
        repo.delete_tag("good")


@pytest.mark.parametrize("name", ["", "tag:", "a b", "a~1", "../a", "a:b", "x" * 2000, "\ud800"])
def test_impossible_names_are_refused(repo: ctxstore.Repo, name: str) -> None:
    with pytest.raises(InvalidInput):
        repo.tag(name, "chat/alice")


def test_a_tag_brings_a_forgotten_commit_back_and_holds_it(repo: ctxstore.Repo) -> None:
    old = repo.resolve("chat/alice~1").id
    with transaction(repo._engine) as tx:
        tx.forget({old: Forgotten(1, "old")})
        tx.publish([], "forget")
    repo.tag("good", "chat/alice~1")
    repo.gc()
    assert list(repo.view("good").messages) == ["one"]


def test_a_commit_is_found_by_its_id_though_settings_changed(repo: ctxstore.Repo) -> None:
    from ctxstore.history.transaction import Move
    from ctxstore.ids import Kind

    with transaction(repo._engine) as tx:
        id = tx.writer.put(Kind.RECORD, b"\x61x")
        tx.publish([Move("setting:x", None, id)], "set")
    head = repo.resolve("chat/alice").id
    assert repo.resolve(head.hex()[:12]).id == head
    with pytest.raises(NotFound):
        repo.resolve(id.hex()[:12])
