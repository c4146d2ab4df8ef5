"""Rows as messages, with their roles. The scanner counts the same messages."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ctxstore.sources.opencode import OpenCode
from ctxstore.sources.protocol import Attributes
from tests.sources.homes.opencode import SESSION

SOURCE = OpenCode()
NAME = f"opencode/-home-ada-engine/{SESSION}"


def row(table: str, data: object = None, *below: object, **columns: object) -> bytes:
    """Builds a line, with parts below it."""
    text = data if isinstance(data, str) else json.dumps(data)
    rows = [{"table": "part", "row": {"id": "p", "data": json.dumps(part)}} for part in below]
    return json.dumps({"table": table, "row": {"id": "m", "data": text, **columns}, "rows": rows}).encode() + b"\n"


USER, ASSISTANT = {"role": "user"}, {"role": "assistant", "modelID": "fake", "parentID": "m0"}
PIECES = (
    row("session", title="Oil the wheels", directory="/home/ada/engine"),
    row("session", title="New session - 2026-11-21T14:53:00.119Z"),
    row("message", USER, {"type": "text", "text": "Oil"}),
    row("message", ASSISTANT, {"type": "text", "text": "Oiled."}),
    row("message", {"role": "editor"}),
    row("message", "{"),
    row("message", [1]),
    row("session_message", {"text": "Oil"}, type="user"),
    row("session_message", {"content": [{"type": "text", "text": "x"}]}, type="assistant"),
    row("session_message", {}, type="agent-switched"),
    row("event", {"role": "user"}),
    row("part", {"role": "user"}),
    b'{"table":"message","row":{"data":"{\\"role\\":\\"user\\"}"},"rows":[5]}\n',
    b'{"table":"message","row":{"data":"{\\"role\\":\\"user\\"}"},"rows":"\xff"}\n',
    b'{"table":"message","row":[]}\n',
    b'{"table":5,"row":{}}\n',
    b'{"table":"message","row":{"data":"{}"}}{"table":"message","row":{"data":"{\\"role\\":\\"user\\"}"}}\n',
    b'{"table":"message","row":{"da',
    b"{\n",
    b"\n",
    b"  }\n",
    b"\0\xff\n",
)


def counted(data: bytes) -> int:
    messages = list(SOURCE.messages(iter([data])))
    assert b"".join(message.raw for message in messages) == data
    return sum(message.role in ("user", "assistant", "system", "tool") for message in messages)


def scanned(data: bytes, before: Attributes | None = None) -> Attributes:
    scanner = SOURCE.scanner(NAME, "session.jsonl", before)
    assert scanner
    for at in range(0, len(data), 97):
        scanner.feed(data[at : at + 97])
    return scanner.finish()


@given(st.lists(st.sampled_from(PIECES)))
def test_the_scanner_counts_what_the_parser_yields(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    assert scanned(data).messages == counted(data)


@given(st.lists(st.sampled_from(PIECES)), st.lists(st.sampled_from(PIECES)))
def test_a_scan_that_goes_on_is_right_or_says_that_it_can_not_tell(first: list[bytes], rest: list[bytes]) -> None:
    whole = b"".join(first)
    start = whole.rfind(b"\n") + 1
    head, tail = whole[:start], whole[start:] + b"".join(rest)
    assert scanned(tail, scanned(head)).messages in (None, counted(head + tail))


def test_parts_say_what_each_is() -> None:
    tool = {"type": "tool", "tool": "bash", "callID": "c", "state": {"status": "error", "input": {}, "error": "no"}}
    kinds = (
        {"type": "text", "text": "Oil"}, {"type": "reasoning", "text": "How?"}, tool,
        {"type": "file", "mime": "image/png", "filename": "a.png"}, {"type": "step-start"}, 5,
    )  # fmt: skip
    (message,) = SOURCE.messages(iter([row("message", ASSISTANT, *kinds, time_created=1_795_272_780_119)]))
    assert (message.role, message.model, message.parent) == ("assistant", "fake", "m0")
    assert message.time == "2026-11-21T14:53:00.119Z"
    assert [part.kind for part in message.parts] == [
        "text",
        "thinking",
        "tool_use",
        "tool_result",
        "image",
        "other",
        "other",
    ]
    assert (message.parts[3].text, message.parts[3].error, message.parts[3].call) == ("no", True, "c")


def test_what_is_kept_in_both_forms_is_counted_once() -> None:
    both = row("message", USER) + row("session_message", {"text": "Oil"}, type="user")
    assert counted(both) == scanned(both).messages == 1
    assert counted(row("session_message", {"text": "Oil"}, type="user")) == 1


def test_the_title_is_the_sessions_or_what_the_user_wrote_first() -> None:
    unnamed = row("session", title="New session - 2026-11-21T14:53:00.119Z")
    said = row("message", USER, {"type": "text", "text": "Oil\nthe  wheels"}) + row("message", ASSISTANT)
    assert scanned(unnamed + said)[:3] == ("Oil the wheels", "OpenCode", "fake")
    assert scanned(row("session", title="Wheels") + said).title == "Wheels"
