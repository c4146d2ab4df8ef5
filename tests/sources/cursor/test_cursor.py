"""Cursor's conversations: found, read, and restored exactly."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import Conflict, InvalidInput
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.cursor import Cursor
from ctxstore.sources.cursor.references import references_in
from ctxstore.sources.protocol import FoundContext, Skipped, SourceHome
from ctxstore.sources.resumable import ContextChange, Resumable, StoredContext
from tests.sources.homes import cursor as home
from tests.sources.homes.cursor import CHAT, CONVERSATION, EMPTY, FOLDER, INNER, OTHER, OUTER, add_bubble, pair

SOURCE = Cursor()
NAME = f"cursor/composer/{CONVERSATION}"


@pytest.fixture
def roots(tmp_path: Path) -> list[SourceHome]:
    home.make(tmp_path)
    return SOURCE.discover({"HOME": str(tmp_path)})


@pytest.fixture
def root(roots: list[SourceHome]) -> SourceHome:
    return roots[0]


def open_at(root: SourceHome) -> sqlite3.Connection:
    return sqlite3.connect(os.path.join(root.path, "globalStorage/state.vscdb"))


def look(root: SourceHome) -> tuple[dict[str, FoundContext], list[Skipped]]:
    skipped: list[Skipped] = []
    return {context.name: context for context in SOURCE.contexts(root, skipped.append)}, skipped


def stored(root: SourceHome, name: str = NAME) -> StoredContext:
    """Captures the present state of a context."""
    data = {
        file.key: b"".join(file.content()) if file.content else Path(file.path).read_bytes()
        for file in look(root)[0][name].files
    }
    return StoredContext(name, FOLDER, list(data), lambda key: iter([data[key]]))


def dump(root: SourceHome) -> list[str]:
    with closing(open_at(root)) as database:
        return sorted(line for line in database.iterdump() if line.startswith("INSERT"))


def test_each_conversation_is_a_context(roots: list[SourceHome]) -> None:
    editor, command = (look(root) for root in roots)
    assert list(editor[0]) == ["cursor/home", *(f"cursor/composer/{id}" for id in (CONVERSATION, OTHER, EMPTY))]
    assert [name.partition(".")[0] for name in command[0]] == ["cursor/home", f"cursor/chat/{CHAT}"]
    assert [file.key for file in command[0][f"cursor/chat/{CHAT}"].files] == [
        f"chats/d41d/{CHAT}/meta.json",
        f"chats/d41d/{CHAT}/store.db",
        f"projects/home-ada-engine/agent-transcripts/{CHAT}.jsonl",
    ]
    assert not editor[1] and not command[1]


def test_a_conversation_has_its_pairs_in_order_and_the_pieces_it_needs(root: SourceHome) -> None:
    kept = stored(root)
    lines = [json.loads(line)["row"] for line in b"".join(kept.read("session.jsonl")).splitlines()]
    assert lines[0]["folder"] == "file:///home/ada/my%20engine" and "Oil the wheels" in lines[0]["listed"]
    pieces = sorted(f"agentKv:blob:{hashlib.sha256(piece).hexdigest()}" for piece in (INNER, OUTER))
    assert [line["key"] for line in lines[1:]] == [
        f"composerData:{CONVERSATION}",
        *(f"bubbleId:{CONVERSATION}:{bubble}" for bubble in "ba0"),
        f"checkpointId:{CONVERSATION}:c1",
        *pieces,
    ]


def test_no_token_is_saved(roots: list[SourceHome]) -> None:
    files = [file for root in roots for context in look(root)[0].values() for file in context.files]
    data = b"".join(
        b"".join(file.content()) if file.content else Path(file.path).read_bytes()
        for file in files
        if file.content or os.path.isfile(file.path)
    )
    assert b"secret" not in data and "mcp.json" not in {file.key for file in files}


def test_bubbles_are_messages_and_those_taken_back_are_not(root: SourceHome) -> None:
    messages = list(SOURCE.messages(stored(root).read("session.jsonl")))
    said = [message for message in messages if message.role != "meta"]
    assert [(m.id, m.role, m.model, m.time) for m in said] == [
        ("b", "user", None, None),
        ("a", "assistant", "fake", "2026-11-21T14:53:01.000Z"),
    ]
    thought, text, call, result = said[1].parts
    assert (thought.kind, text.text) == ("thinking", "Oiled.")
    assert (call.name, call.data, result.text, result.call) == (
        "run_terminal_cmd", {"command": "ls"}, "wheel", "call_1"
    )  # fmt: skip


def test_the_list_shows_what_there_is_and_only_what_changed_is_read(roots: list[SourceHome], tmp_path: Path) -> None:
    targets = [Target(SOURCE, root) for root in roots]
    time.sleep(0.1)  # a file that was changed this shortly before a scan is read again
    with ctxstore.init(tmp_path / "repo") as repo:
        repo.snapshot(targets)
        shown = [repo.view(name).commit.summary[:5] for name in (NAME, f"cursor/chat/{CHAT}")]
        assert shown == [
            ("Oil the wheels", "Cursor", "fake", FOLDER, 2), ("Cut the gears", "Cursor", None, "/home/ada/engine", 2)
        ]  # fmt: skip
        again = repo.snapshot(targets)
        assert again.op is None and not any(source.bytes_read for source in again.sources)
        with closing(open_at(roots[0])) as editor:
            add_bubble(editor, OTHER, "x", 1, text="Look for grease")  # of the same length
            editor.commit()
        assert [name for name, _ in repo.snapshot(targets).commits] == [f"cursor/composer/{OTHER}"]


def test_a_conversation_comes_back_as_it_was_and_no_other_is_touched(root: SourceHome) -> None:
    kept, before = stored(root), dump(root)
    (entry,) = SOURCE.index_entries(kept, ContextChange(), root.path)
    assert entry.is_there(root.path)
    with closing(open_at(root)) as editor:
        add_bubble(editor, CONVERSATION, "new", 1, text="And now?")
        pair(editor, f"composerData:{CONVERSATION}", "{}")
        piece = hashlib.sha256(INNER).hexdigest()
        editor.execute("DELETE FROM cursorDiskKV WHERE key LIKE '%:a' OR key LIKE '%' || ?", (piece,))
        editor.commit()
    assert not entry.is_there(root.path)
    entry.apply(root.path)
    assert entry.is_there(root.path) and dump(root) == before
    assert isinstance(SOURCE, Resumable)


def test_a_store_of_the_command_line_comes_back_with_an_empty_log(roots: list[SourceHome], tmp_path: Path) -> None:
    kept = stored(roots[1], f"cursor/chat/{CHAT}")
    laid = SOURCE.restore_layout(kept, ContextChange())
    assert [each.key for each in laid if each.origin is None] == [f"chats/d41d/{CHAT}/store.db-wal"]
    assert SOURCE.index_entries(kept, ContextChange(), roots[1].path) == []
    Path(tmp_path, "back.db").write_bytes(b"".join(kept.read(f"chats/d41d/{CHAT}/store.db")))
    with closing(sqlite3.connect(tmp_path / "back.db")) as database:
        assert database.execute("SELECT data FROM blobs").fetchall() == [(INNER,)]


@pytest.mark.parametrize(
    "change", [ContextChange(session="x"), ContextChange(until="x"), ContextChange(paths=(("/a", "/b"),))]
)
def test_a_conversation_can_not_be_made_another(root: SourceHome, change: ContextChange) -> None:
    with pytest.raises(InvalidInput, match="as it was"):
        SOURCE.restore_layout(stored(root), change)


@pytest.mark.parametrize(
    "damage",
    ["empty", "binary", "cut", "sparse", "link", "foreign", pytest.param("locked", marks=pytest.mark.slow), "gone"],
)
def test_a_bad_database_is_named_and_the_rest_is_found(root: SourceHome, damage: str) -> None:
    path, kept = Path(root.path, "globalStorage/state.vscdb"), stored(root)
    with closing(open_at(root)) as editor:
        editor.execute("PRAGMA journal_mode = DELETE")
        data = path.read_bytes()
        if damage == "foreign":
            editor.execute("DROP TABLE cursorDiskKV")
        elif damage == "locked":
            editor.execute("BEGIN EXCLUSIVE")
        elif damage in ("link", "gone"):
            path.rename(path.with_name("elsewhere"))
            if damage == "link":
                path.symlink_to("elsewhere")
        else:
            path.write_bytes({"binary": b"\xfe" * 9999, "cut": data[: len(data) // 2]}.get(damage, b""))
            if damage == "sparse":
                os.truncate(path, 2 << 30)
        found, skipped = look(root)
        (entry,) = SOURCE.index_entries(kept, ContextChange(), root.path)
        assert not entry.is_there(root.path)
        if damage != "locked":
            with pytest.raises(Conflict):
                entry.apply(root.path)
    assert list(found) == ["cursor/home"]
    assert [skip.path for skip in skipped] == ([] if damage == "gone" else [str(path)])


def test_a_bad_store_of_a_chat_is_named_and_what_was_said_is_saved(roots: list[SourceHome]) -> None:
    Path(roots[1].path, f"chats/d41d/{CHAT}/store.db").write_bytes(b"torn")
    found, skipped = look(roots[1])
    assert [os.path.basename(skip.path) for skip in skipped] == ["store.db"]
    assert [file.key[:5] for file in found[f"cursor/chat/{CHAT}"].files] == ["chats", "proje"]


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_value_may_be_searched_for_references(value: bytes | str) -> None:
    assert all(len(name) == 64 for name in references_in(value))


PIECES = (
    b'{"table":"cursorDiskKV","row":{"key":"bubbleId:c:a","value":"{\\"type\\":1}"}}\n',
    b'{"table":"cursorDiskKV","row":{"key":"bubbleId:c:b","value":"{\\"type\\":2}"}}\n',
    b'{"table":"cursorDiskKV","row":{"key":"bubbleId:c:b","value":{"blob":"eyJ0eXBlIjoyfQ=="}}}\n',
    b'{"table":"cursorDiskKV","row":{"key":"bubbleId:c:b","value":"{"}}\n',
    b'{"table":"cursorDiskKV","row":{"key":"composerData:c","value":"{\\"fullConversationHeadersOnly\\":'
    b'[{\\"bubbleId\\":\\"a\\"},5]}"}}\n',
    b'{"table":"workspace","row":{"folder":"file:///x"}}\n',
    b'{"role":"user","message":{"content":"x"}}\n', b'{"role":1}\n', b"\n", b"{}\n", b"[\n", b"\xff", b'{"row":[]}\n',
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES)), st.integers(0, 900))
def test_the_scanner_counts_what_the_parser_yields(data: list[bytes], cut: int) -> None:
    whole = b"".join(data)
    messages = list(SOURCE.messages(iter([whole[:cut], whole[cut:]])))
    assert b"".join(message.raw for message in messages) == whole
    scanner = SOURCE.scanner(NAME, "session.jsonl")
    assert scanner
    scanner.feed(whole[:cut])
    scanner.feed(whole[cut:])
    assert scanner.finish().messages == sum(m.role in ("user", "assistant", "system", "tool") for m in messages)
