"""The histories of tasks as messages."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.cline import Cline
from ctxstore.sources.protocol import Attributes, Message
from ctxstore.sources.registry import get_source
from ctxstore.sources.roo import RooCode
from tests.sources.homes.cline import HISTORY, NEWER, SESSION, SHOWN
from tests.sources.homes.roo import HISTORY as ROO

KEY = "tasks/1/api_conversation_history.json"
COUNTED = {"user", "assistant", "system", "tool"}


def read(records: Any) -> list[Message]:
    return list(Cline().messages([json.dumps(records).encode()]))


def scan(data: bytes, source: str = "cline", size: int = 1 << 16) -> Attributes:
    scanner = get_source(source).scanner(f"{source}/code/1", KEY)
    assert scanner is not None
    for at in range(0, len(data), size):
        scanner.feed(data[at : at + size])
    return scanner.finish()


def test_who_said_what_when_and_by_which_model() -> None:
    user, assistant, end = read(HISTORY)
    assert (user.role, user.id, user.parent, user.time) == ("user", "1741000000100", None, "2025-03-03T11:06:40.100Z")
    assert user.parts[0].text == "<task>\nOil the wheels\n</task>"
    assert (assistant.role, assistant.parent, assistant.model) == ("assistant", user.id, "analytical-1")
    assert (end.role, end.id) == ("meta", "@tail")


def test_what_a_tool_gave_back_is_the_tools() -> None:
    blocks = [
        [
            {"type": "tool_result", "tool_use_id": "t", "content": "x"},
            {"type": "text", "text": "<environment_details>"},
        ],
        [{"type": "text", "text": "[read_file for 'a.txt'] Result:"}, {"type": "text", "text": "x"}],
        [{"type": "tool-result", "toolCallId": "t", "output": {"type": "text", "value": "x"}}],
    ]
    assert [m.role for m in read([{"role": "user", "content": each} for each in blocks])[:3]] == ["tool"] * 3


def test_the_parts_of_the_ai_sdk_are_understood() -> None:
    content = [
        {"type": "reasoning", "text": "hm"},
        {"type": "tool-call", "toolCallId": "c", "toolName": "read_file", "input": {"path": "a"}},
    ]
    answer = {"role": "tool", "content": [{"type": "tool-result", "toolCallId": "c", "output": "text of a"}]}
    document = {"version": 2, "messages": [{"role": "assistant", "content": content}, answer]}
    head, call, result, _ = read(document)
    assert head.role == "meta"
    assert [(p.kind, p.text or p.name, p.call) for p in call.parts] == [
        ("thinking", "hm", ""),
        ("tool_use", "read_file", "c"),
    ]
    assert (result.role, result.parts[0].kind, result.parts[0].text) == ("tool", "tool_result", "text of a")


def test_what_the_window_shows_stands_in_for_a_missing_history() -> None:
    shown = [
        *SHOWN,
        {"ts": 5, "type": "ask", "ask": "command", "text": "ls"},
        {"ts": 6, "type": "say", "say": "command_output", "text": "a.txt"},
        {"ts": 7, "type": "say", "say": "user_feedback", "text": "Good"},
        {"ts": 8, "type": "ask", "ask": "completion_result", "text": ""},
    ]
    assert [m.role for m in read(shown)] == ["user", "meta", "assistant", "assistant", "tool", "user", "meta", "meta"]
    assert Cline().transcript("cline/code/1", ["tasks/1/ui_messages.json"]) == "tasks/1/ui_messages.json"
    assert Cline().transcript("cline/code/1", ["tasks/1/ui_messages.json", KEY]) == KEY


def test_of_a_history_cut_short_the_whole_messages_are_read() -> None:
    data = json.dumps(HISTORY, separators=(",", ":")).encode()
    found = list(Cline().messages([data[:-20]]))
    assert [m.role for m in found] == ["user", "unknown"]
    assert b"".join(m.raw for m in found) == data[:-20]
    assert scan(data[:-20]).messages == 1


def test_titles_projects_and_models() -> None:
    assert scan(json.dumps(HISTORY).encode()) == Attributes(
        "Oil the wheels", "Cline", "analytical-1", "/home/ada/engine", 2
    )
    assert scan(json.dumps(ROO).encode(), "roo") == Attributes("Oil", "Roo Code", "analytical-2", "/home/ada/engine", 3)


def test_the_newer_clines_sessions_say_it_elsewhere() -> None:
    found = scan(json.dumps(NEWER, indent=2).encode())
    assert found == Attributes(f"Oil {SESSION}", "Cline", "analytical-1", "/home/ada/engine", 2)


def test_what_was_added_to_a_document_is_not_counted_by_itself() -> None:
    before = Attributes("t", "Cline", None, None, 2)
    scanner = Cline().scanner("cline/code/1", KEY, before)
    assert scanner is not None
    scanner.feed(b',{"role":"user"}]')
    assert scanner.finish() == before._replace(messages=None)


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"[", b"nonsense", b'{"version":9}', b'[1,"x",null,{}]', b"{"])
def test_what_is_no_history_has_no_messages_but_all_its_bytes(data: bytes) -> None:
    found = list(Cline().messages([data]))
    assert b"".join(m.raw for m in found) == data
    assert not [m for m in found if m.role in COUNTED]
    assert scan(data).messages == 0


BLOCKS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "tool_result", "tool-call", "image", 3])},
    optional={"text": st.text(max_size=5)},
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant", "tool", "system", "reasoning", 7, None]),
        "content": st.text(max_size=5) | st.lists(BLOCKS, max_size=2),
        "ts": st.integers(-5, 2**60) | st.none() | st.text(max_size=3),
        "id": st.sampled_from(["a", "b", 3]),
        "say": st.sampled_from(["text", "tool", "error", 1]),
        "ask": st.sampled_from(["followup", "completion_result"]),
        "text": st.sampled_from(["", "x", 4]),
        "type": st.sampled_from(["say", "ask", "reasoning", 5]),
        "modelInfo": st.none() | st.just({"modelId": "m"}) | st.text(max_size=2),
    },
)


@settings(deadline=None, max_examples=300)
@given(records=st.lists(RECORDS, max_size=5), data=st.data(), damage=st.binary(max_size=6))
def test_any_history_is_given_back_and_counted_alike(records: list[Any], data: st.DataObject, damage: bytes) -> None:
    raw = json.dumps(records, ensure_ascii=False).encode("utf-8", "surrogatepass")
    at = data.draw(st.integers(0, len(raw)))
    raw = raw[:at] + damage + raw[data.draw(st.integers(at, len(raw))) :]
    edges = [0, *sorted(data.draw(st.sets(st.integers(0, len(raw)), max_size=4))), len(raw)]
    found = list(RooCode().messages([raw[a:b] for a, b in pairwise(edges)]))
    assert b"".join(m.raw for m in found) == raw
    assert len({m.id for m in found}) == len(found)
    assert scan(raw, "roo", 7).messages == sum(m.role in COUNTED for m in found)
