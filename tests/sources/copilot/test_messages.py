"""The events of a session as messages, and their summary."""

from __future__ import annotations

from typing import Any

import pytest

from ctxstore.sources.copilot import Copilot
from ctxstore.sources.protocol import Attributes, Message, Part
from tests.sources.homes.copilot import CONTEXT, FOLDER, event, events


def parse(type: str, **data: Any) -> Message:
    (message,) = Copilot().messages([event(type, 0, **data).encode()])
    return message


def scan(*lines: str, before: Attributes | None = None) -> Attributes:
    scanner = Copilot().scanner(CONTEXT, f"{FOLDER}/events.jsonl", before)
    assert scanner is not None
    scanner.feed("".join(lines).encode())
    return scanner.finish()


def test_a_conversation_has_what_was_said_once() -> None:
    messages = list(Copilot().messages([events().encode()]))
    assert [(m.role, m.parts[0].text) for m in messages if m.role != "meta"] == [
        ("system", "You oil wheels."),
        ("user", "Oil the wheels"),
        ("assistant", "Oil?"),
        ("tool", "oiled"),
        ("assistant", "Oiled."),
    ]
    assert [m.parent for m in messages[1:]] == [m.id for m in messages[:-1]]


def test_an_answer_has_its_thoughts_text_calls_and_model() -> None:
    messages = list(Copilot().messages([events().encode()]))
    answer = messages[5]
    assert answer.parts == (
        Part("thinking", "Oil?"),
        Part("text", "At once."),
        Part("tool_use", name="bash", call="c1", data={"command": "oil"}),
    )
    assert (answer.id, answer.time, answer.model) == ("e5", "2026-01-31T09:30:00Z", "engine-1")


def test_what_a_tool_gave_back_is_linked_to_its_call_and_may_have_failed() -> None:
    result = {"content": "oiled"}
    done = parse("tool.execution_complete", toolCallId="c1", success=True, result=result)
    assert done.parts == (Part("tool_result", "oiled", call="c1", data=result),)
    failed = parse("tool.execution_complete", toolCallId="c1", success=False, error={"message": "no oil"})
    assert failed.parts == (Part("tool_result", "no oil", call="c1", error=True),)


def test_a_tool_the_user_asked_for_is_the_users() -> None:
    asked = parse("tool.user_requested", toolCallId="c2", toolName="bash", arguments={"command": "ls"})
    assert (asked.role, asked.parts[0][:4]) == ("user", ("tool_use", "", "bash", "c2"))


def test_attachments_stay() -> None:
    picture, file = {"mimeType": "image/png", "data": "AA=="}, {"type": "file", "path": "a.py"}
    parts = parse("user.message", content="Look", attachments=[picture, file]).parts
    assert parts == (Part("text", "Look"), Part("image", data=picture), Part("other", data=file))


def test_a_compaction_is_its_summary() -> None:
    compacted = parse("session.compaction_complete", success=True, summaryContent="All oiled.")
    assert (compacted.role, compacted.parts) == ("system", (Part("text", "All oiled."),))


@pytest.mark.parametrize("type", ["session.start", "tool.execution_start", "hook.end", "abort", "from.the.future"])
def test_what_is_nobodys_words_is_meta(type: str) -> None:
    assert parse(type).role == "meta"


def test_what_is_told_to_a_person_can_be_read() -> None:
    assert parse("session.error", message="no oil left").parts == (Part("text", "no oil left"),)
    assert parse("abort", reason="user_initiated").parts == (Part("text", "user_initiated"),)


def test_what_is_no_event_is_unknown() -> None:
    assert [m.role for m in Copilot().messages([b'{}\n{"type":5}\nx\n'])] == ["unknown"] * 3


def test_a_session_is_summed_up() -> None:
    title, agent = "Oil the wheels", "GitHub Copilot CLI"
    assert scan(events()) == Attributes(title, agent, "engine-2", "/home/ada/engine", 5)


def test_what_a_skill_or_the_agent_put_into_the_users_mouth_is_no_title() -> None:
    skill = event("user.message", 0, content="All about oil", source="skill-oil")
    assert scan(skill, event("user.message", 1, content=" Oil\n it ", source="user")).title == "Oil it"


def test_the_model_chosen_last_is_the_model() -> None:
    start = event("session.start", 0, selectedModel="m1")
    assert scan(start).model == "m1"
    assert scan(start, event("session.model_change", 1, newModel="m2")).model == "m2"
    assert scan(event("session.resume", 2, selectedModel="m3"), before=scan(start)).model == "m3"
