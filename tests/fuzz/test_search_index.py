"""A search index with any content. A search never fails because of it, and never reports a wrong hit."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

import ctxstore
from tests.fuzz.mutations import mutants


@pytest.fixture
def place(tmp_path):
    with ctxstore.init(tmp_path / "r") as repo:
        for turn in range(6):
            for name in ("chat/alice", "chat/bob"):
                draft = repo.edit(name)
                draft.messages.append({"role": "user", "content": f"word {turn} of {name}"})
                draft.commit()
        assert len(repo.search("word", number=0).hits) == 12
    return tmp_path / "r"


def search(place, turn):
    """Adds a message and searches for it. Every hit is right, and a new index finds all messages."""
    with ctxstore.open(place) as repo:
        draft = repo.edit("chat/alice")
        draft.messages.append({"role": "user", "content": f"turn{turn} word"})
        draft.commit()
        found = repo.search("word", number=0)
        for hit in found.hits:
            assert "word" in hit.message.parts[0].text
            for holder in hit.holders:
                texts = [message.parts[0].text for message in repo.messages(holder.last.id.hex())]
                assert hit.message.parts[0].text in texts
        assert len(found.hits) <= 13 + turn
        assert len(repo.search("word", number=0, rebuild=True).hits) == 13 + turn


def test_a_damaged_index_fails_no_search(place):
    path = place / "cache" / "search.sqlite"
    sound = path.read_bytes()
    for turn, data in enumerate(mutants(sound, 12, "search", [sound])):
        path.write_bytes(data)
        search(place, turn)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE held SET place = 'text'",
        "UPDATE held SET place = -5, length = 1 << 60",
        "UPDATE held SET place = place + 1",
        "UPDATE held SET first = x'00', last = 'z'",
        "UPDATE OR IGNORE held SET line = 99",
        "UPDATE messages SET hash = hash + 1",
        "UPDATE messages SET role = 99, time = 'never'",
        "UPDATE messages SET text = text + 1",
        "UPDATE commits SET id = x'ff'",
        "UPDATE commits SET id = 5, tree = NULL, time = 'x'",
        "DELETE FROM commits",
        "UPDATE lines SET tip = tip + 5",
        "UPDATE lines SET tip = 'x'",
        "DELETE FROM lines",
        "UPDATE contexts SET line = 77, position = 1 << 60",
        "UPDATE contexts SET agent = NULL, project = x'ff', head = 'text'",
        "UPDATE contexts SET problem = 'made up'",
        "UPDATE contexts SET name = CAST(name AS TEXT)",
        "UPDATE meta SET value = 'text'",
        "DELETE FROM meta",
        "DELETE FROM texts",
        "UPDATE texts SET id = 'x'",
        "DROP TABLE words",
        "DROP TABLE held",
        "ALTER TABLE held RENAME COLUMN first TO other",
        "PRAGMA user_version = 77",
        "PRAGMA application_id = 5",
        "CREATE TRIGGER odd AFTER INSERT ON held BEGIN SELECT raise(ABORT, 'no'); END",
    ],
)
def test_an_index_that_says_something_else_is_not_believed(place, edit):
    with closing(sqlite3.connect(place / "cache" / "search.sqlite")) as database:
        database.execute(edit)
        database.commit()
    search(place, 0)
