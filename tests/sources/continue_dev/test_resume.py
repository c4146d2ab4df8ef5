"""Restored sessions of Continue: with another id, for another folder, or up to a message."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput, NotFound
from ctxstore.sources.continue_dev import Continue
from ctxstore.sources.resumable import ContextChange, Resumable, StoredContext

home = import_module("tests.sources.homes.continue")  # the module's name is a keyword
NOW = 1_800_000_000 * 10**9
KEY = f"sessions/{home.SESSION}.json"
CONTEXT = f"continue/sessions/{home.SESSION}"
SAID = [*home.HISTORY, {"message": {"role": "user", "content": f"of {home.SESSION} in file:///home/ada"}}]


def stored(data: bytes, context: str = CONTEXT) -> StoredContext:
    return StoredContext(context, None, [KEY], lambda _: iter([data[:7], data[7:]]))


def changed(data: bytes, change: ContextChange) -> tuple[str, bytes]:
    (laid,) = Continue().restore_layout(stored(data), change)
    blocks = stored(data).read(KEY)
    return laid.key, b"".join(laid.edit(blocks) if laid.edit else blocks)


def test_without_a_change_it_is_as_it_was() -> None:
    assert isinstance(Continue(), Resumable)
    data = json.dumps(home.session(), indent=3).encode()
    assert changed(data, ContextChange(now=NOW)) == (KEY, data)


def test_the_id_and_the_folder_change_where_the_agent_looks_and_nowhere_else() -> None:
    data = json.dumps(home.session(history=SAID, mode="agent"), indent=3).encode()
    change = ContextChange(session="new", paths=(("/home/ada", "/home/b b"),), now=NOW)
    key, after = changed(data, change)
    folder = b'"file:///home/ada/my%20engine"'
    expected = data.replace(f'"{home.SESSION}"'.encode(), b'"new"', 1).replace(
        folder, b'"file:///home/b%20b/my%20engine"'
    )
    assert (key, after) == ("sessions/new.json", expected)
    assert Continue().context_of(stored(data), change) == "continue/sessions/new"


@settings(deadline=None)
@given(number=st.integers(0, 2), indent=st.sampled_from([None, 2]), damage=st.booleans())
def test_up_to_any_message_it_parses_to_exactly_these(number: int, indent: Any, damage: bool) -> None:
    data = json.dumps(home.session(history=SAID, mode="agent"), indent=indent).encode()
    data = data[:-40] if damage else data
    before = [m for m in Continue().messages([data]) if m.role in ("user", "assistant")]
    if number >= len(before):
        return
    _, after = changed(data, ContextChange(session="new", until=before[number].id, now=NOW))
    kept = [m for m in Continue().messages([after]) if m.role in ("user", "assistant")]
    assert [(m.id, m.raw) for m in kept] == [(m.id, m.raw) for m in before[: number + 1]]
    assert json.loads(after)["history"] == SAID[: number + 1]


def test_what_cant_be_changed_is_said() -> None:
    data = json.dumps(home.session()).encode()
    with pytest.raises(NotFound, match="no message"):
        Continue().restore_layout(stored(data), ContextChange(until="nope"))
    rules = StoredContext("continue/home", None, ["rules/x.md"], lambda _: iter([b""]))
    with pytest.raises(InvalidInput, match="no session"):
        Continue().restore_layout(rules, ContextChange(session="new"))
    assert [each.key for each in Continue().restore_layout(rules, ContextChange())] == ["rules/x.md"]
    assert Continue().index_entries(rules, ContextChange(), "/nowhere") == []


def test_continue_is_told_of_the_session(tmp_path: Path) -> None:
    home.make(tmp_path)
    root = tmp_path / ".continue"
    before = (root / "sessions" / "sessions.json").read_text()
    task = stored(json.dumps(home.session()).encode())
    assert all(each.is_there(str(root)) for each in Continue().index_entries(task, ContextChange(now=NOW), str(root)))
    (entry,) = Continue().index_entries(task, ContextChange(session="new", now=NOW), str(root))
    assert not entry.is_there(str(root))
    entry.apply(str(root))
    after = (root / "sessions" / "sessions.json").read_text()
    assert after.startswith(before[:-1])
    assert json.loads(after)[-1] == {
        "sessionId": "new",
        "title": "Wheels",
        "dateCreated": str(NOW // 10**6),
        "workspaceDirectory": "file:///home/ada/my%20engine",
    }


@pytest.mark.parametrize("folder", ["file:///home/ada/(wheels)", "file:///home/\ud800/x", "/home/\ud800\0/x", "\0"])
def test_a_folder_that_is_not_mapped_keeps_its_text_whatever_it_is(folder: str, tmp_path: Path) -> None:
    data = json.dumps(home.session(workspaceDirectory=folder)).encode()
    change = ContextChange(session="new", paths=(("/srv", "/opt"),), now=NOW)
    assert json.loads(changed(data, change)[1])["workspaceDirectory"] == folder
    for each in Continue().index_entries(stored(data), change, str(tmp_path)):
        each.apply(str(tmp_path))
        assert each.is_there(str(tmp_path))


def test_a_folder_that_no_text_can_hold_is_mapped() -> None:
    data = json.dumps(home.session(workspaceDirectory="file:///home/ada/\ud800")).encode()
    _, after = changed(data, ContextChange(paths=(("/home/ada", "/srv"),), now=NOW))
    assert json.loads(after)["workspaceDirectory"].startswith("file:///srv/")
