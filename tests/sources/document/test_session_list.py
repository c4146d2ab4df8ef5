"""An agent's own list of sessions. It receives an entry, and no other change."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import Conflict, StorageError
from ctxstore.sources.document.session_list import ListedSession
from ctxstore.sources.document.split_array import shorten

ENTRY = ListedSession("state/list.json", "id", "new", b'{"id":"new","x":1}')
IN_OBJECT = ENTRY._replace(key="entries")


def put(root: Path, text: str) -> Path:
    (root / "state").mkdir(exist_ok=True)
    path = root / "state" / "list.json"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[]", '[{"id":"new","x":1}]'),
        ('[{"id": "old"}]\n', '[{"id": "old"},{"id":"new","x":1}]\n'),
        ('[\n  {"id": 3},\n  "odd"\n]', '[\n  {"id": 3},\n  "odd",{"id":"new","x":1}\n]'),
        (" \n", '[{"id":"new","x":1}]'),
    ],
)
def test_it_is_added_after_the_others_which_keep_their_text(tmp_path: Path, before: str, after: str) -> None:
    path = put(tmp_path, before)
    path.chmod(0o640)
    assert not ENTRY.is_there(str(tmp_path))
    ENTRY.apply(str(tmp_path))
    assert path.read_text() == after
    assert ENTRY.is_there(str(tmp_path))
    assert path.stat().st_mode & 0o777 == 0o640
    ENTRY.apply(str(tmp_path))
    assert path.read_text() == after
    assert os.listdir(path.parent) == ["list.json"]


def test_a_list_in_an_object_is_added_to(tmp_path: Path) -> None:
    path = put(tmp_path, '{"version":1,"entries":[{"id":"old"}],"updatedAt":5}')
    IN_OBJECT.apply(str(tmp_path))
    assert path.read_text() == '{"version":1,"entries":[{"id":"old"},{"id":"new","x":1}],"updatedAt":5}'


def test_a_list_that_is_not_there_is_made_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    ENTRY.apply(str(tmp_path / "home"))
    made = tmp_path / "home" / "state" / "list.json"
    assert json.loads(made.read_text()) == [{"id": "new", "x": 1}]
    assert made.stat().st_mode & 0o777 == 0o600


def test_a_link_to_the_list_stays_a_link(tmp_path: Path) -> None:
    path = put(tmp_path, "[]")
    path.rename(tmp_path / "real.json")
    path.symlink_to(tmp_path / "real.json")
    ENTRY.apply(str(tmp_path))
    assert path.is_symlink() and ENTRY.is_there(str(tmp_path))


@pytest.mark.parametrize("text", ['{"a":1}', '[{"id":', "nonsense", "[1]]", "\0\1"])
def test_what_is_no_list_is_left_alone(tmp_path: Path, text: str) -> None:
    path = put(tmp_path, text)
    assert not ENTRY.is_there(str(tmp_path))
    with pytest.raises(Conflict, match="no list of sessions"):
        ENTRY.apply(str(tmp_path))
    assert path.read_text() == text


def test_a_list_the_agent_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = put(tmp_path, "[]")
    lock = tmp_path / "state" / "list.json.lock"
    lock.mkdir()
    with pytest.raises(Conflict, match="being changed"):
        ENTRY.apply(str(tmp_path))
    assert path.read_text() == "[]"
    os.utime(lock, (0, 0))  # left by an agent that was killed
    ENTRY.apply(str(tmp_path))
    assert ENTRY.is_there(str(tmp_path))


def test_a_folder_in_the_lists_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "state" / "list.json").mkdir(parents=True)
    assert not ENTRY.is_there(str(tmp_path))
    with pytest.raises(StorageError):
        ENTRY.apply(str(tmp_path))


LISTS = st.lists(st.dictionaries(st.text(max_size=3), st.integers()), max_size=5)


@settings(deadline=None)
@given(values=LISTS, kept=st.integers(0, 6), wrap=st.booleans())
def test_a_shortened_document_has_the_first_records_as_they_were(values: list[Any], kept: int, wrap: bool) -> None:
    document: Any = {"version": 2, "messages": values, "end": 1} if wrap else values
    data = json.dumps(document, indent=1).encode()
    expected = {**document, "messages": values[:kept]} if wrap else values[:kept]
    assert json.loads(shorten(data, "messages", kept)) == expected


@settings(deadline=None)
@given(values=LISTS.filter(bool), wrap=st.booleans(), data=st.data())
def test_so_has_one_that_was_cut_short(values: list[Any], wrap: bool, data: st.DataObject) -> None:
    whole = (b'{"messages":' if wrap else b"") + json.dumps(values).encode()
    kept = data.draw(st.integers(0, len(values)))
    found = json.loads(shorten(whole[:-1], "messages", kept))
    assert (found["messages"] if wrap else found) == values[:kept]


def test_a_list_that_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    os.mkfifo(tmp_path / ENTRY.path)
    assert not ENTRY.is_there(str(tmp_path))
    with pytest.raises(StorageError, match="is no file"):
        ENTRY.apply(str(tmp_path))
