"""A restored session of Gemini CLI: with another id, for another folder, or up to a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import Conflict, InvalidInput, NotFound
from ctxstore.sources.gemini import Gemini
from ctxstore.sources.resumable import ContextChange, RestoreFile, StoredContext, session_of
from tests.sources.gemini.conftest import ANSWER, CALLED, DIRT, HEAD, LISTED, PIECES, RESULT, REWOUND, TOUCHED, USER
from tests.sources.homes.gemini import HASH, NAME, OLD, OLD_DOCUMENT, PROJECT, SESSION, STEM, SUBAGENT, head, jsonl

NEW = "f00d2a34-1111-4111-8111-111111111111"
KEY = f"tmp/engine/chats/{STEM}.jsonl"
NEW_KEY = "tmp/engine/chats/session-2026-01-01T10-00-f00d2a34.jsonl"
TALK = HEAD + LISTED + USER + ANSWER + TOUCHED + CALLED + RESULT + REWOUND + USER.replace(b"u2", b"u3")
FILES = {
    KEY: TALK,
    f"tmp/engine/chats/{SESSION}/{SUBAGENT}.jsonl": jsonl(head(SUBAGENT)).encode(),
    f"tmp/engine/{SESSION}/plans/plan.md": f"for {SESSION}".encode(),
    f"tmp/engine/tool-outputs/session-{SESSION}/a.txt": b"output",
    f"tmp/engine/logs/session-{SESSION}.jsonl": jsonl({"sessionId": SESSION}).encode(),
}
source = Gemini()


def stored(files: dict[str, bytes] | None = None, project: str | None = PROJECT, name: str = NAME) -> StoredContext:
    there = FILES if files is None else files

    def read(key: str) -> Iterator[bytes]:
        yield there[key]

    return StoredContext(f"gemini/engine/{name}", project, sorted(there), read)


def written(change: ContextChange, what: StoredContext | None = None) -> dict[str, bytes]:
    what = what or stored()

    def content(laid: RestoreFile) -> bytes:
        assert laid.origin is not None
        return b"".join(laid.edit(what.read(laid.origin)) if laid.edit else what.read(laid.origin))

    laid = source.restore_layout(what, change)
    assert [each.key for each in laid] == sorted({each.key for each in laid})
    return {each.key: content(each) for each in laid}


def spoken(data: bytes) -> list[tuple[str, str]]:
    """Lists role and text of the messages that count."""
    return [(m.id, m.role) for m in source.messages([data]) if m.role in ("user", "assistant", "tool")]


def records(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_without_a_change_every_file_is_as_it_was() -> None:
    assert written(ContextChange(now=1)) == FILES


def test_a_new_id_is_wherever_gemini_looks_for_it_and_nowhere_else() -> None:
    files = written(ContextChange(session=NEW))
    assert sorted(files) == [
        f"tmp/engine/chats/{NEW}/{SUBAGENT}.jsonl",
        NEW_KEY,
        f"tmp/engine/{NEW}/plans/plan.md",
        f"tmp/engine/logs/session-{NEW}.jsonl",
        f"tmp/engine/tool-outputs/session-{NEW}/a.txt",
    ]
    assert files[NEW_KEY] == TALK.replace(SESSION.encode(), NEW.encode())
    assert files[f"tmp/engine/{NEW}/plans/plan.md"] == f"for {SESSION}".encode()
    change = ContextChange(session=NEW)
    assert source.context_of(stored(), change) == "gemini/engine/f00d2a34-2026-01-01T10-00"
    assert session_of(source, stored()) == SESSION


def test_an_id_that_was_said_stays() -> None:
    said = TALK.replace(b"Wind it", SESSION.encode())
    assert written(ContextChange(session=NEW), stored({KEY: said}))[NEW_KEY].count(SESSION.encode()) == 2


def test_a_new_session_says_that_it_was_changed_now() -> None:
    data = written(ContextChange(session=NEW, now=10**18), stored({KEY: TALK[:-1]}))[NEW_KEY]
    assert records(data)[-1] == {"$set": {"lastUpdated": "2001-09-09T01:46:40.000Z"}}
    assert spoken(data) == spoken(TALK)


def test_another_folder_changes_the_project_and_not_what_was_said() -> None:
    talk = jsonl(head() | {"directories": [PROJECT, "/else", f"{PROJECT}/sub"]}).encode() + USER
    files = written(ContextChange(paths=((PROJECT, "/srv/My Engine"),)), stored({KEY: talk}))
    new = records(files[f"tmp/my-engine/chats/{STEM}.jsonl"])
    assert new[0]["projectHash"] == sha256(b"/srv/My Engine").hexdigest() != HASH
    assert new[0]["directories"] == ["/srv/My Engine", "/else", "/srv/My Engine/sub"]
    assert new[1:] == records(USER)
    assert (
        source.context_of(stored(), ContextChange(paths=((PROJECT, "/srv/My Engine"),))) == f"gemini/my-engine/{NAME}"
    )


def test_a_project_is_kept_where_the_list_of_the_home_says(tmp_path: Path) -> None:
    (tmp_path / "projects.json").write_text(json.dumps({"projects": {"/srv/engine": "engine-7", "/x/clock": "clock"}}))
    to = lambda path: ContextChange(paths=((PROJECT, path),), home=str(tmp_path))  # noqa: E731
    assert f"tmp/engine-7/chats/{STEM}.jsonl" in written(to("/srv/engine"))
    assert f"tmp/clock-1/chats/{STEM}.jsonl" in written(to("/y/clock"))
    (tmp_path / "tmp/new").mkdir(parents=True)
    (tmp_path / "tmp/new/.project_root").write_text("/other/new")
    assert f"tmp/new-1/chats/{STEM}.jsonl" in written(to("/y/new"))
    assert source.context_of(stored(), to("/y/new")) == f"gemini/new-1/{NAME}"
    (entry,) = source.index_entries(stored(), to("/y/new"), str(tmp_path))
    entry.apply(str(tmp_path))
    assert f"tmp/new-1/chats/{STEM}.jsonl" in written(to("/y/new"))


@pytest.mark.parametrize("id", ["u1", "s1", "g1", "u2", "g2", "u3"])
def test_a_session_up_to_a_message_ends_with_it(id: str) -> None:
    data = written(ContextChange(session=NEW, until=id))[NEW_KEY]
    all = spoken(TALK)
    assert spoken(data) == all[: [each for each, _ in all].index(id) + 1]
    assert all_valid(data)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES[:11]), max_size=10).map(b"".join), st.data())
def test_any_session_up_to_any_message_holds_just_what_was_said_until_then(talk: bytes, data: st.DataObject) -> None:
    said = spoken(talk)
    if said:
        at = data.draw(st.integers(0, len(said) - 1))
        new = written(ContextChange(session=NEW, until=said[at][0]), stored({KEY: talk}))[NEW_KEY]
        assert spoken(new) == said[: at + 1]


def all_valid(data: bytes) -> bool:
    return all(isinstance(record, dict) for record in records(data))


def test_a_document_ends_with_the_message_too() -> None:
    key = "tmp/engine/chats/session-2025-11-01T10-00-7a1c2a34.json"
    what = stored({key: json.dumps(OLD_DOCUMENT, indent=2).encode()}, name="7a1c2a34-2025-11-01T10-00")
    assert session_of(source, what) == OLD
    (data,) = written(ContextChange(session=NEW, until="o1"), what).values()
    new = json.loads(data)
    assert new == OLD_DOCUMENT | {"sessionId": NEW, "messages": OLD_DOCUMENT["messages"][:1]}


def test_what_is_no_message_or_no_session_is_refused() -> None:
    with pytest.raises(NotFound, match="nope"):
        source.restore_layout(stored(), ContextChange(session=NEW, until="nope"))
    shared = stored({"tmp/engine/.project_root": PROJECT.encode(), "tmp/engine/logs.json": b"[]"}, name="project")
    with pytest.raises(InvalidInput, match="no conversation"):
        source.restore_layout(shared, ContextChange(session=NEW))
    moved = written(ContextChange(paths=((PROJECT, "/srv/clock"),)), shared)
    assert moved == {"tmp/clock/.project_root": b"/srv/clock", "tmp/clock/logs.json": b"[]"}


@pytest.mark.parametrize("data", [data for data in DIRT.values() if len(data) < 5000])
def test_damage_comes_through_as_it_is(data: bytes) -> None:
    same = written(ContextChange(paths=(("/a", "/b"),)), stored({KEY: data}))
    assert same == {KEY: data}


def test_a_project_is_added_to_the_list_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "projects.json"
    (entry,) = source.index_entries(stored(), ContextChange(), str(tmp_path))
    assert not entry.is_there(str(tmp_path))
    entry.apply(str(tmp_path))
    assert entry.is_there(str(tmp_path)) and json.loads(path.read_text()) == {"projects": {PROJECT: "engine"}}
    path.write_text(json.dumps({"projects": {"/a": "a"}, "more": 1}))
    entry.apply(str(tmp_path))
    assert json.loads(path.read_text()) == {"projects": {"/a": "a", PROJECT: "engine"}, "more": 1}
    assert sorted(each.name for each in tmp_path.iterdir()) == ["projects.json"]


def test_a_list_that_says_otherwise_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "projects.json"
    (entry,) = source.index_entries(stored(), ContextChange(), str(tmp_path))
    for text in (json.dumps({"projects": {PROJECT: "other"}}), "[]", "{"):
        path.write_text(text)
        with pytest.raises(Conflict):
            entry.apply(str(tmp_path))
        assert path.read_text() == text
    path.unlink()
    (tmp_path / "projects.json.lock").mkdir()
    with pytest.raises(Conflict, match="being changed"):
        entry.apply(str(tmp_path))


def test_what_comes_back_to_where_it_was_needs_no_other_entry(tmp_path: Path) -> None:
    (tmp_path / "projects.json").write_text(json.dumps({"projects": {PROJECT: "engine-2"}}))
    assert source.index_entries(stored(), ContextChange(), str(tmp_path)) == ()
    assert source.index_entries(stored(project=None), ContextChange(), str(tmp_path)) == ()
