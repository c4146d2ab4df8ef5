"""A restored session of Claude Code: with another id, for another folder, or up to a message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.claude_code.resume import encode_project
from ctxstore.sources.resumable import ContextChange, RestoreFile, StoredContext

SESSION = "6f1c2a34-0000-4000-8000-00000000000a"
NEW = "0d9e4b1c-0000-4000-8000-00000000000b"
PROJECT = "/home/ada/engine.works"
FOLDER = "-home-ada-engine-works"
source = ClaudeCode()


def record(type: str, number: int, **fields: Any) -> dict[str, Any]:
    said = {"role": type, "content": f"{SESSION} in {PROJECT}: {number}"}
    return {"type": type, "uuid": f"u{number}", "message": said, "sessionId": SESSION, "cwd": PROJECT, **fields}


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in records)


TRANSCRIPT = lines(*(record("assistant" if n % 2 else "user", n) for n in range(6)))
FILES = {
    f"file-history/{SESSION}/ab@v1": b"before",
    f"projects/{FOLDER}/{SESSION}.jsonl": TRANSCRIPT,
    f"projects/{FOLDER}/{SESSION}/subagents/agent-1.jsonl": lines(record("user", 9, isSidechain=True)),
    f"projects/{FOLDER}/agent-old.jsonl": lines(record("user", 10)),
    f"todos/{SESSION}-agent-{SESSION}.json": b"[]",
}


def stored(files: dict[str, bytes] = FILES, project: str | None = PROJECT) -> StoredContext:
    def read(key: str) -> Iterator[bytes]:
        yield files[key]

    return StoredContext(f"claude-code/{FOLDER}/{SESSION}", project, sorted(files), read)


def written(change: ContextChange, what: StoredContext | None = None) -> dict[str, bytes]:
    what = what or stored()

    def content(laid: RestoreFile) -> bytes:
        assert laid.origin is not None
        return b"".join(laid.edit(what.read(laid.origin)) if laid.edit else what.read(laid.origin))

    return {laid.key: content(laid) for laid in source.restore_layout(what, change)}


def records(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def test_without_a_change_every_file_is_as_it_was() -> None:
    assert written(ContextChange(now=1)) == FILES


def test_a_new_id_is_wherever_claude_code_looks_for_it_and_nowhere_else() -> None:
    files = written(ContextChange(session=NEW))
    assert sorted(files) == [
        f"file-history/{NEW}/ab@v1",
        f"projects/{FOLDER}/{NEW}.jsonl",
        f"projects/{FOLDER}/{NEW}/subagents/agent-1.jsonl",
        f"todos/{NEW}-agent-{NEW}.json",
    ]
    old, new = records(TRANSCRIPT), records(files[f"projects/{FOLDER}/{NEW}.jsonl"])
    assert new == [{**each, "sessionId": NEW} for each in old]
    assert source.context_of(stored(), ContextChange(session=NEW)) == f"claude-code/{FOLDER}/{NEW}"
    assert all(laid.is_new for laid in source.restore_layout(stored(), ContextChange(session=NEW)))


def test_another_folder_changes_the_project_and_the_folders_worked_in_not_what_was_said() -> None:
    change = ContextChange(paths=((PROJECT, "/srv/my engine"),))
    files = written(change)
    assert f"projects/-srv-my-engine/{SESSION}.jsonl" in files
    new = records(files[f"projects/-srv-my-engine/{SESSION}.jsonl"])
    assert new == [{**each, "cwd": "/srv/my engine"} for each in records(TRANSCRIPT)]
    assert source.context_of(stored(), change) == f"claude-code/-srv-my-engine/{SESSION}"


def test_a_folder_above_maps_those_below_it_and_no_neighbours() -> None:
    change = ContextChange(paths=(("/home/ada", "/Users/ada"), ("/home/ada/engine", "/no")))
    assert change.path(PROJECT) == "/Users/ada/engine.works"
    assert change.path("/home/ada") == "/Users/ada"
    assert change.path("/home/adam/x") == "/home/adam/x"
    assert ContextChange(paths=(("/", "/mnt"),)).path("/a") == "/mnt/a"
    assert f"projects/-Users-ada-engine-works/{SESSION}.jsonl" in written(change)


def test_a_project_that_is_not_known_is_mapped_by_its_folders_name() -> None:
    change = ContextChange(paths=(("/home/ada", "/u"),))
    assert f"projects/-u-engine-works/{SESSION}.jsonl" in written(change, stored(project=None))


@pytest.mark.parametrize("last", range(6))
def test_a_session_up_to_a_message_ends_with_it(last: int) -> None:
    files = written(ContextChange(session=NEW, until=f"u{last}"))
    new = records(files[f"projects/{FOLDER}/{NEW}.jsonl"])
    assert [each["uuid"] for each in new] == [f"u{n}" for n in range(last + 1)]


def test_a_message_without_an_id_is_found_by_its_place() -> None:
    data = b"damage\n" + TRANSCRIPT
    what = stored({f"projects/{FOLDER}/{SESSION}.jsonl": data})
    files = written(ContextChange(session=NEW, until="@0"), what)
    assert files == {f"projects/{FOLDER}/{NEW}.jsonl": b"damage\n"}


def test_what_is_no_message_or_no_session_is_refused() -> None:
    with pytest.raises(NotFound, match="nope"):
        source.restore_layout(stored(), ContextChange(session=NEW, until="nope"))
    memory = StoredContext(
        f"claude-code/{FOLDER}/memory", None, [f"projects/{FOLDER}/memory/M.md"], lambda key: iter([b""])
    )
    with pytest.raises(InvalidInput, match="no transcript"):
        source.restore_layout(memory, ContextChange(session=NEW))
    assert [
        laid.key for laid in source.restore_layout(memory, ContextChange(paths=(("/home/ada/engine.works", "/x"),)))
    ] == ["projects/-x/memory/M.md"]


@given(st.binary(max_size=400))
def test_damage_comes_through_as_it_is(data: bytes) -> None:
    what = stored({f"projects/{FOLDER}/{SESSION}.jsonl": data})
    assert written(ContextChange(session=NEW, paths=(("/a", "/b"),)), what) == {f"projects/{FOLDER}/{NEW}.jsonl": data}


def test_projects_are_named_as_claude_code_names_them() -> None:
    assert encode_project("/home/ada/my_engine.é") == "-home-ada-my-engine--"
    assert encode_project("/home/ada/😀") == "-home-ada---"
    assert encode_project("/home/ada/" + "x" * 190) == "-home-ada-" + "x" * 190
    assert encode_project("/home/ada/" + "x" * 191) == "-home-ada-" + "x" * 190 + "-u3zu2i"
    assert encode_project("/home/ada/" + "😀" * 100) == "-home-ada-" + "-" * 190 + "-xavivy"
