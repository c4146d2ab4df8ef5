"""Caches with any content. A repository reads and writes as if they did not exist."""

from __future__ import annotations

import random
import sqlite3

import pytest

import ctxstore
from ctxstore.ops.snapshot import stat_cache
from ctxstore.packs import index as pack_index
from tests.fuzz.mutations import mutants
from tests.verifier import verify_folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A repository whose objects are in the index's database."""
    monkeypatch.setattr(pack_index, "IN_MEMORY", 0)
    with ctxstore.init(tmp_path / "r") as repo:
        for turn in range(4):
            draft = repo.edit("chat")
            draft.messages.extend(range(turn * 10, turn * 10 + 10))
            draft.commit()
    with ctxstore.open(tmp_path / "r") as repo:
        assert list(repo.view("chat").messages) == list(range(40))
    return tmp_path / "r"


def use(place, turn):
    with ctxstore.open(place) as repo:
        found = list(repo.view("chat").messages)
        assert found[:40] == list(range(40))
        draft = repo.edit("chat")
        draft.messages.append(f"turn {turn}")
        draft.commit()
        assert list(repo.view("chat").messages) == [*found, f"turn {turn}"]


def test_a_damaged_index_is_made_anew(place):
    path = place / "cache" / "index.sqlite"
    sound = path.read_bytes()
    garbage = [b"", b"\0" * 100, b"SQLite format 3\0", random.Random(1).randbytes(20_000), sound[:5000], sound[:-1]]
    for turn, data in enumerate([*garbage, *mutants(sound, 60, "index", [sound])]):
        for other in (path, path.with_name("index.sqlite-wal"), path.with_name("index.sqlite-shm")):
            other.unlink(missing_ok=True)
        path.write_bytes(data)
        use(place, turn)
    verify_folder(place)


def test_an_index_that_says_something_else_is_not_believed(place):
    path = place / "cache" / "index.sqlite"
    edits = [
        "UPDATE objects SET start = start + 1",
        "UPDATE objects SET length = -1",
        "UPDATE objects SET length = 9223372036854775807",
        "UPDATE objects SET frame = 'text'",
        "UPDATE objects SET frame = -5",
        "UPDATE objects SET frame = 1 << 60",
        "UPDATE objects SET stored = NULL",
        "UPDATE objects SET stored = 1 << 40",
        "UPDATE objects SET start = x'00'",
        "UPDATE objects SET kind = 99",
        "DELETE FROM objects",
        "UPDATE packs SET name = x'ff', count = 'many'",
        "DELETE FROM packs",
        "DROP TABLE objects",
        "ALTER TABLE objects RENAME COLUMN frame TO other",
        "PRAGMA user_version = 77",
    ]
    for turn, edit in enumerate(edits):
        with sqlite3.connect(path) as database:
            database.execute(edit)
        database.close()
        use(place, turn)
    verify_folder(place)


def test_a_stat_cache_larger_than_its_cap_is_not_read(tmp_path, monkeypatch):
    path = str(tmp_path / "stat")
    cache = stat_cache.StatCache(5, None, {"a": stat_cache.make_saved_context(b"h" * 32, stat_cache.Summary(), [])})
    stat_cache.save_cache(path, cache)
    assert stat_cache.load_cache(path) == cache
    monkeypatch.setattr(stat_cache, "MAX_CACHE", 50)
    assert stat_cache.load_cache(path) == stat_cache.EMPTY
