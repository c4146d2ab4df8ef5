"""The sessions of Continue: their files and messages."""

from __future__ import annotations

import json
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.continue_dev import Continue
from ctxstore.sources.continue_dev.records import path_of, place_of
from ctxstore.sources.protocol import Attributes, Message, Skipped

home = import_module("tests.sources.homes.continue")  # the module's name is a keyword
COUNTED = {"user", "assistant", "system", "tool"}


def read(session: Any) -> list[Message]:
    return list(Continue().messages([json.dumps(session).encode()]))


def scan(data: bytes, size: int = 1 << 16) -> Attributes:
    scanner = Continue().scanner("continue/sessions/s", "sessions/s.json")
    assert scanner is not None
    for at in range(0, len(data), size):
        scanner.feed(data[at : at + size])
    return scanner.finish()


def test_sessions_and_the_home_are_contexts(tmp_path: Path) -> None:
    home.make(tmp_path)
    reports: list[Skipped] = []
    source = Continue()
    (root,) = source.discover({"HOME": str(tmp_path)})
    found = {c.name: [f.key for f in c.files] for c in source.contexts(root, reports.append)}
    assert found == {
        "continue/home": [
            "config.yaml",
            "rules",
            "rules/brief.md",
            "sessions/notes.txt",
            "sessions/sessions.json",
            "sessions/what is this.json",
        ],
        f"continue/sessions/{home.SESSION}": [f"sessions/{home.SESSION}.json"],
    }
    assert [skip.reason for skip in reports] == ["holds secrets"]


def test_another_folder_has_a_home_of_its_own_and_the_same_sessions(tmp_path: Path) -> None:
    home.make(tmp_path)
    (tmp_path / ".continue").rename(tmp_path / "elsewhere")
    source = Continue()
    (root,) = source.discover({"HOME": str(tmp_path), "CONTINUE_GLOBAL_DIR": str(tmp_path / "elsewhere")})
    one, two = [context.name for context in source.contexts(root, lambda _: None)]
    assert one.startswith("continue/home.") and two == f"continue/sessions/{home.SESSION}"


def test_who_said_what_and_what_tools_gave_back() -> None:
    head, user, assistant, tail = read(home.session(mode="agent"))
    assert (head.role, tail.role) == ("meta", "meta")
    assert (user.role, user.id, user.parent, user.parts[0].text) == ("user", "@0", None, "Oil the wheels")
    assert (assistant.role, assistant.parent, assistant.model) == ("assistant", "@0", "analytical-1")
    assert [(p.kind, p.text or p.name, p.call) for p in assistant.parts] == [
        ("text", "Looking.", ""),
        ("tool_use", "ls", "c1"),
        ("tool_result", "a.txt", "c1"),
    ]


def test_the_cli_notes_its_model_with_what_it_used() -> None:
    message = {"role": "assistant", "content": "x", "usage": {"model": "analytical-2", "total_tokens": 1}}
    assert read(home.session(history=[{"message": message}]))[1].model == "analytical-2"


def test_thinking_tools_and_attachments() -> None:
    history = [
        {"message": {"role": "thinking", "content": "hm"}},
        {"message": {"role": "tool", "content": "a.txt", "toolCallId": "c1"}},
        {"message": {"role": "user", "content": "x"}, "contextItems": [{"name": "a.txt", "content": "text of a"}]},
        {"message": {"role": "odd"}},
        {"nothing": 1},
    ]
    found = read(home.session(history=history))[1:-1]
    assert [m.role for m in found] == ["assistant", "tool", "user", "meta", "unknown"]
    assert [[p.kind for p in m.parts] for m in found[:3]] == [["thinking"], ["tool_result"], ["text", "other"]]


def test_titles_and_projects_wherever_they_stand() -> None:
    expected = Attributes("Wheels", "Continue", "analytical-1", "/home/ada/my engine", 2)
    assert scan(json.dumps(home.session()).encode()) == expected
    turned = dict(reversed(home.session().items()))
    assert scan(json.dumps(turned).encode()) == expected
    assert scan(json.dumps(home.session(title="New Session")).encode()).title == "Oil the wheels"
    assert scan(json.dumps(home.session(title=None, workspaceDirectory=3)).encode()).project is None


def test_of_a_session_cut_short_the_whole_messages_are_read() -> None:
    data = json.dumps(home.session()).encode()
    found = list(Continue().messages([data[:-30]]))
    assert [m.role for m in found] == ["meta", "user", "unknown"]
    assert scan(data[:-30]) == Attributes("Wheels", "Continue", None, "/home/ada/my engine", 1)


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"{", b"nonsense", b'{"history":7}', b'{"history":[1,null]}'])
def test_what_is_no_session_has_no_messages_but_all_its_bytes(data: bytes) -> None:
    found = list(Continue().messages([data]))
    assert b"".join(m.raw for m in found) == data
    assert scan(data).messages == 0


@settings(deadline=None, max_examples=200)
@given(data=st.data(), damage=st.binary(max_size=6))
def test_any_session_is_given_back_and_counted_alike(data: st.DataObject, damage: bytes) -> None:
    raw = json.dumps(home.session(mode="agent")).encode()
    at = data.draw(st.integers(0, len(raw)))
    raw = raw[:at] + damage + raw[data.draw(st.integers(at, min(len(raw), at + 9))) :]
    edges = [0, *sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=4))), len(raw)]
    found = list(Continue().messages([raw[a:b] for a, b in pairwise(edges)]))
    assert b"".join(m.raw for m in found) == raw
    assert scan(raw, 11).messages == sum(m.role in COUNTED for m in found)


@pytest.mark.parametrize("like", ["/x", "file:///x"])
def test_folders_are_written_as_they_were(like: str) -> None:
    assert path_of(place_of("/home/ada/my engine", like)) == "/home/ada/my engine"
    assert place_of("/a b", like) == ("/a b" if like == "/x" else "file:///a%20b")
