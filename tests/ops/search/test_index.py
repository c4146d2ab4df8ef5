"""The search index. It is a cache: whatever happens to it, the store decides."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sqlite3
from contextlib import closing
from random import Random

import pytest

import ctxstore
from ctxstore.errors import StorageError
from ctxstore.ops.search import indexer
from ctxstore.ops.search.database import NAME, sole_writer
from ctxstore.progress import Silent
from tests.ops.search.conftest import said


@pytest.fixture
def index(place):
    return place / "cache" / NAME


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:5000],
        lambda data: b"no database at all" * 1000,
        lambda data: data[:4096] + os.urandom(len(data) - 4096),
        lambda data: data[:60] + b"\0\0\0\x63" + data[64:],
    ],
    ids=["empty", "cut", "foreign", "scrambled", "version"],
)
def test_a_damaged_index_is_made_anew(tell, find, index, damage):
    tell("chat/alice", "the harbour")
    assert find("harbour")
    index.write_bytes(damage(index.read_bytes()))
    tell("chat/alice", "another turn")
    assert find("harbour")
    assert find("another")


def test_another_repositorys_index_is_not_believed(tmp_path, tell, find, index):
    tell("chat/alice", "the harbour")
    find("harbour")
    with ctxstore.init(tmp_path / "other") as other:
        draft = other.edit("chat/bob")
        draft.messages.append({"role": "user", "content": "elsewhere"})
        draft.commit()
        cache = tmp_path / "other" / "cache"
        cache.mkdir(exist_ok=True)
        (cache / NAME).write_bytes(index.read_bytes())
        assert not other.search("harbour").hits
        assert other.search("elsewhere").hits


def test_the_index_is_the_owners_only(tell, find, index):
    tell("chat/alice", "the harbour")
    find("harbour")
    assert index.stat().st_mode & 0o777 == 0o600


def test_a_folder_in_the_indexs_place_is_named(repo, tell, index):
    tell("chat/alice", "the harbour")
    index.mkdir(parents=True)
    with pytest.raises(StorageError, match=NAME):
        repo.search("harbour")


def test_a_locked_index_is_named(repo, tell, find, index, monkeypatch):
    tell("chat/alice", "the harbour")
    find("harbour")
    tell("chat/alice", "more")
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, **{**options, "timeout": 0.1}))
    with closing(connect(index)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match="locked"):
            repo.search("harbour")
    assert find("more")


def test_while_another_process_writes_what_is_there_is_searched(repo, tell, find, index, monkeypatch):
    tell("chat/alice", "the harbour")
    find("harbour")
    tell("chat/alice", "more")
    monkeypatch.setattr("ctxstore.ops.search.search.WAIT", 0.1)
    with sole_writer(str(index.parent)):
        found = repo.search("harbour")
        assert found.is_behind
        assert found.hits
    assert find("more")


def test_a_repository_that_cannot_be_written_keeps_its_index_elsewhere(tmp_path, repo, tell, monkeypatch):
    tell("chat/alice", "the harbour")
    access = os.access
    cache = repo._engine.storage.cache_folder()
    monkeypatch.setattr(os, "access", lambda path, mode: path != cache and access(path, mode))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "own"))
    assert repo.search("harbour").hits
    assert list((tmp_path / "own").rglob(NAME))
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert repo.search("harbour").hits


def test_a_cache_folder_that_was_removed_is_made_again(tell, find, index):
    tell("chat/alice", "the harbour")
    shutil.rmtree(index.parent, ignore_errors=True)
    assert find("harbour")
    assert index.parent.stat().st_mode & 0o777 == 0o700


def test_a_repository_in_memory_is_searched():
    with ctxstore.init("memory:") as repo:
        draft = repo.edit("chat/alice")
        draft.messages.append({"role": "user", "content": "the harbour"})
        draft.commit()
        assert repo.search("harbour").hits


class Interrupting(Silent):
    """A progress that raises Ctrl-C after some commits."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise KeyboardInterrupt


def test_an_interrupted_run_goes_on_where_it_was(repo, tell, find, monkeypatch):
    monkeypatch.setattr(indexer, "BATCH_COMMITS", 5)
    for number in range(23):
        tell("chat/alice", f"word {number}")
    with pytest.raises(KeyboardInterrupt):
        repo.search("word", progress=Interrupting(12))
    counted = Interrupting(10**6)
    assert len(repo.search("word", number=0, progress=counted).hits) == 23
    assert 10**6 - counted.left <= 13
    assert all(hit.holders[0].is_current for hit in find("word"))


def test_a_commit_that_appends_is_indexed_without_reading_the_rest(repo, agent, find, monkeypatch):
    lines = [said(number, f"message {Random(number).randbytes(250).hex()}") for number in range(2000)]
    agent.save("s", *lines)
    find("message")
    agent.save("s", *lines, said(2000, "the newest"))
    read = []
    get = repo._engine.store.get
    monkeypatch.setattr(repo._engine.store, "get", lambda id, kind: read.append(len(data := get(id, kind))) or data)
    repo.update_index()
    assert sum(read) < 300_000 < sum(map(len, lines))
    assert find('"the newest"')


def test_an_index_brought_up_to_date_is_as_one_made_anew(repo, agent, find, tell):
    lines = [said(number, f"message {number} " + "and so on " * 30) for number in range(300)]
    for until in (10, 100, 300, 200, 290):
        agent.save("s", *lines[:until])
        tell("chat/alice", f"until {until}")
        find("message")
    before = {(hit.message.raw, hit.holders) for hit in find("message OR until")}
    assert len(before) == 305
    repo.update_index(rebuild=True)
    assert {(hit.message.raw, hit.holders) for hit in find("message OR until")} == before


def _search(place: str, number: int) -> int:
    with ctxstore.open(place) as repo:
        return len(repo.search("word", number=0).hits)


def test_two_searches_at_once_find_the_same(place, tell):
    for number in range(40):
        tell("chat/alice", f"word {number}")
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.starmap(_search, [(str(place), number) for number in range(3)]) == [40, 40, 40]


def test_a_commit_that_cannot_be_read_is_named_and_the_rest_is_found(repo, tell, place):
    tell("chat/alice", "the harbour")
    tell("chat/bob", "the lighthouse")
    view = repo.view("chat/alice")
    record = next(view.messages.ids())
    store = repo._engine.store
    get = store.get

    def failing(id, kind):
        if id == record:
            raise ctxstore.Corrupt("it is damaged")
        return get(id, kind)

    store.get = failing
    found = repo.search("the")
    assert [hit.holders[0].ref for hit in found.hits] == ["chat/bob"]
    assert found.problems == (("chat/alice", "it is damaged"),)
    store.get = get
    tell("chat/bob", "more")
    found = repo.search("the")
    assert not found.problems
    assert len(found.hits) == 2
