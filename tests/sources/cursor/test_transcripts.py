"""Transcripts of Cursor's command line: what the user wrote, tools' calls and results, and the folder worked in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ctxstore.sources.cursor import Cursor
from ctxstore.sources.cursor.project_names import folder_named, guess_folder
from ctxstore.sources.protocol import Attributes, Message

CHAT = "11111111-2222-4333-8444-555555555555"
KEY = f"projects/srv-my-engine/agent-transcripts/{CHAT}/{CHAT}.jsonl"


def line(role: str, *blocks: dict[str, Any]) -> bytes:
    return json.dumps({"role": role, "message": {"content": list(blocks)}}).encode() + b"\n"


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


ASKED = line("user", text("<user_info>os</user_info>\n<user_query>\nOil the wheels\n</user_query>"))
CALL = {"type": "tool_call", "id": "t1", "name": "ls", "arguments": {"path": "/"}}
CALLED = line("assistant", text("At once."), CALL)
ANSWERED = line("user", {"type": "tool_result", "tool_use_id": "t1", "content": [text("wheel"), text("axle")]})
SAID = line("tool", {"type": "tool-result", "toolCallId": "t2", "result": {"n": 1}, "isError": True})


def read(*lines: bytes) -> list[Message]:
    return list(Cursor().messages(lines))


def scan(*lines: bytes, key: str = KEY) -> Attributes:
    scanner = Cursor().scanner(f"cursor/chat/{CHAT}", key)
    assert scanner is not None
    for each in lines:
        scanner.feed(each)
    return scanner.finish()


def test_the_user_wrote_what_is_in_the_tags() -> None:
    assert read(ASKED)[0].parts[0].text == "Oil the wheels"
    assert scan(ASKED).title == "Oil the wheels"
    assert read(line("user", text("<user_query>Turn"), text("No tags")))[0].parts[0].text == "Turn"


def test_calls_and_results_are_parts_and_results_are_the_tools() -> None:
    found = read(ASKED, CALLED, ANSWERED, SAID)
    assert [each.role for each in found] == ["user", "assistant", "tool", "tool"]
    call, answer, failed = found[1].parts[1], found[2].parts[0], found[3].parts[0]
    assert (call.kind, call.name, call.call, call.data) == ("tool_use", "ls", "t1", {"path": "/"})
    assert (answer.kind, answer.text, answer.call, answer.error) == ("tool_result", "wheel\naxle", "t1", False)
    assert (failed.kind, failed.text, failed.call, failed.error) == ("tool_result", '{"n": 1}', "t2", True)
    assert scan(ASKED, CALLED, ANSWERED, SAID).messages == 4


def test_the_folder_is_found_in_what_was_said() -> None:
    said = line("assistant", {"type": "tool_use", "name": "ls", "input": {"path": "/srv/my-engine/src/wheel.c"}})
    assert scan(ASKED, said).project == "/srv/my-engine"
    assert folder_named("srv-my", said) is None


def test_the_folder_is_one_that_exists_or_the_plain_path(tmp_path: Path) -> None:
    (tmp_path / "a-b/c.d").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    assert guess_folder("a-b-c-d", str(tmp_path)) == str(tmp_path / "a-b/c.d")
    assert guess_folder("nowhere-at-all", str(tmp_path)) == "/nowhere/at/all"
    assert guess_folder("c-work", str(tmp_path)) is None


@pytest.mark.parametrize(
    ("bubble", "folder"),
    [
        ({"workspaceProjectDir": "/srv/engine"}, "/srv/engine"),
        ({"workspaceUris": ["file:///srv/my%20engine"]}, "/srv/my engine"),
        ({"workspaceUris": "odd", "workspaceProjectDir": 5}, None),
    ],
)
def test_a_bubble_names_the_folder(bubble: dict[str, Any], folder: str | None) -> None:
    row = {"key": f"bubbleId:{CHAT}:b1", "value": json.dumps({"type": 1, "text": "Oil", **bubble})}
    scanner = Cursor().scanner(f"cursor/composer/{CHAT}", "session.jsonl")
    assert scanner is not None
    scanner.feed(json.dumps({"table": "cursorDiskKV", "row": row}).encode())
    assert scanner.finish().project == folder
