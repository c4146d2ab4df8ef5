"""A restored session of Copilot CLI: with another id, for another folder, or up to a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.sources.copilot import Copilot
from ctxstore.sources.resumable import ContextChange, RestoreFile, Resumable, StoredContext
from tests.sources.copilot.conftest import PIECES
from tests.sources.homes.copilot import CONTEXT, FOLDER, OLD, PROJECT, SESSION, event, events

NEW = "0d9e4b1c-0000-4000-8000-00000000000b"
source = Copilot()
SPOKEN = event("user.message", 20, content=f"{SESSION} in {PROJECT}", sessionId=SESSION, context={"cwd": PROJECT})
TEXT = (events() + SPOKEN).encode()
YAML = f"id: {SESSION}\ncwd: {PROJECT}\ngit_root: '{PROJECT}'\nname: {SESSION}\nuser_named: false\n".encode()
FILES = {
    f"{FOLDER}/checkpoints/index.md": SESSION.encode(),
    f"{FOLDER}/events.jsonl": TEXT,
    f"{FOLDER}/workspace.yaml": YAML,
}


def stored(files: dict[str, bytes] = FILES, context: str = CONTEXT) -> StoredContext:
    def read(key: str) -> Iterator[bytes]:
        yield files[key]

    return StoredContext(context, PROJECT, sorted(files), read)


def written(change: ContextChange, what: StoredContext | None = None) -> dict[str, bytes]:
    what = what or stored()

    def content(laid: RestoreFile) -> bytes:
        assert laid.origin is not None
        return b"".join(laid.edit(what.read(laid.origin)) if laid.edit else what.read(laid.origin))

    return {laid.key: content(laid) for laid in source.restore_layout(what, change)}


def records(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_copilot_is_resumable() -> None:
    assert isinstance(source, Resumable)
    assert list(source.index_entries(stored(), ContextChange(), "/nowhere")) == []


def test_without_a_change_every_file_is_as_it_was() -> None:
    assert written(ContextChange(now=1)) == FILES


def test_a_new_id_is_wherever_copilot_looks_for_it_and_nowhere_else() -> None:
    files = written(ContextChange(session=NEW))
    folder = f"session-state/{NEW}"
    assert list(files) == [f"{folder}/checkpoints/index.md", f"{folder}/events.jsonl", f"{folder}/workspace.yaml"]
    assert files[f"{folder}/checkpoints/index.md"] == SESSION.encode()
    assert files[f"{folder}/workspace.yaml"] == YAML.replace(f"id: {SESSION}".encode(), f"id: {NEW}".encode())
    found = records(files[f"{folder}/events.jsonl"])
    assert found[0]["data"]["sessionId"] == NEW
    assert found[11]["data"]["usage"]["accounting"]["sourceSessionId"] == NEW
    others = [i for i in range(len(found)) if i not in (0, 11)]
    assert [found[i] for i in others] == [records(TEXT)[i] for i in others]
    assert source.context_of(stored(), ContextChange(session=NEW)) == f"copilot/sessions/{NEW}"


def test_another_folder_is_where_copilot_goes_by_it() -> None:
    files = written(ContextChange(paths=((PROJECT, "/work/the engine"),)))
    found = records(files[f"{FOLDER}/events.jsonl"])
    assert found[0]["data"]["context"] == {"cwd": "/work/the engine", "gitRoot": "/work/the engine"}
    assert found[1:] == records(TEXT)[1:]
    yaml = YAML.decode().splitlines()
    yaml[1:3] = ['cwd: "/work/the engine"', 'git_root: "/work/the engine"']
    assert files[f"{FOLDER}/workspace.yaml"].decode().splitlines() == yaml
    assert source.context_of(stored(), ContextChange(paths=((PROJECT, "/x"),))) == CONTEXT


@pytest.mark.parametrize("id", ["e3", "e5", "e8", "e9"])
def test_it_ends_with_the_message_asked_for(id: str) -> None:
    data = written(ContextChange(until=id))[f"{FOLDER}/events.jsonl"]
    assert TEXT.startswith(data)
    assert list(source.messages([data]))[-1].id == id


def test_a_session_of_an_old_version_gets_a_folder_when_it_becomes_a_new_one() -> None:
    what = stored({f"session-state/{OLD}.jsonl": events(OLD).encode()}, f"copilot/sessions/{OLD}")
    assert list(written(ContextChange(), what)) == [f"session-state/{OLD}.jsonl"]
    assert list(written(ContextChange(session=NEW), what)) == [f"session-state/{NEW}/events.jsonl"]


def test_what_has_no_transcript_can_be_no_session() -> None:
    home = stored({"settings.json": b"{}"}, "copilot/home")
    assert written(ContextChange(paths=(("/a", "/b"),)), home) == {"settings.json": b"{}"}
    with pytest.raises(InvalidInput):
        source.restore_layout(home, ContextChange(session=NEW))


def test_an_unknown_message_is_not_found() -> None:
    with pytest.raises(NotFound, match="e99"):
        written(ContextChange(until="e99"))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join), st.binary(max_size=60))
def test_damage_stays_as_it_was(data: bytes, yaml: bytes) -> None:
    files = {f"{FOLDER}/events.jsonl": data, f"{FOLDER}/workspace.yaml": yaml}
    assert written(ContextChange(paths=(("/nowhere", "/b"),)), stored(files)) == files
