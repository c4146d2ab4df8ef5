"""The summary of a Claude Code session in a list of contexts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.protocol import Attributes


def line(type: str, **fields: Any) -> bytes:
    return json.dumps({"type": type, **fields}).encode() + b"\n"


def user(content: object, **fields: Any) -> bytes:
    return line("user", message={"content": content}, **fields)


def assistant(model: object, **fields: Any) -> bytes:
    return line("assistant", message={"model": model, "content": "ok"}, **fields)


def scan(*blocks: bytes) -> Attributes:
    scanner = ClaudeCode().scanner("claude-code/p/s", "projects/p/s.jsonl")
    assert scanner is not None
    for block in blocks:
        scanner.feed(block)
    return scanner.finish()


def test_a_session_is_summed_up() -> None:
    data = user("Oil the\n  wheels", cwd="/home/ada/engine") + assistant("engine-1", cwd="/elsewhere")
    assert scan(data) == Attributes("Oil the wheels", "Claude Code", "engine-1", "/home/ada/engine", 2)


def test_an_empty_transcript_has_no_messages() -> None:
    assert scan() == Attributes(None, "Claude Code", None, None, 0)


@pytest.mark.parametrize(
    "other",
    [
        "<command-name>/clear</command-name>",
        "<local-command-stdout></local-command-stdout>",
        "Caveat: The messages below",
        "<system-reminder>x</system-reminder>",
        "  \n ",
        [{"type": "tool_result", "tool_use_id": "c", "content": "out"}],
        [{"type": "image"}],
        None,
        7,
    ],
)
def test_the_title_is_the_first_thing_a_user_wrote(other: object) -> None:
    assert scan(user("meta", isMeta=True), user(other), user("The real one"), user("Later")).title == "The real one"


def test_a_reminder_before_the_users_own_text_is_passed_over() -> None:
    blocks = [{"type": "text", "text": "<ide_opened_file>x"}, {"type": "text", "text": "Mine"}]
    assert scan(user(blocks)).title == "Mine"


def test_a_long_title_is_cut_to_80_characters() -> None:
    title = scan(user("word " * 100)).title
    assert title is not None and len(title) <= 80 and title.endswith("…")


def test_a_title_of_damaged_text_is_readable() -> None:
    assert scan(b'{"type":"user","message":{"content":"caf\xc3\xa9 \xff"}}\n').title == "café \ufffd"


def test_a_custom_title_wins_and_the_last_one_counts() -> None:
    titles = [line("custom-title", customTitle=title) for title in ("First", "Second")]
    assert scan(user("Prompt"), *titles, line("summary", summary="S", leafUuid=None)).title == "Second"


def test_titles_come_in_the_agents_order() -> None:
    ai = line("ai-title", aiTitle="Guessed")
    name = line("agent-name", agentName="oiler")
    assert scan(user("Prompt"), ai).title == "Guessed"
    assert scan(user("Prompt"), line("custom-title", customTitle="Mine"), ai).title == "Mine"
    assert scan(user("Prompt"), name, line("custom-title", customTitle="Mine"), ai).title == "oiler"


def test_a_summary_counts_only_if_it_is_of_this_session() -> None:
    own = line("summary", summary="Mine", leafUuid="u1")
    other = line("summary", summary="Another's", leafUuid="elsewhere")
    assert scan(own, other, user("Prompt", uuid="u1")).title == "Mine"
    assert scan(user("Prompt", uuid="u1") + own + other).title == "Mine"
    assert scan(other, user("Prompt", uuid="u1")).title == "Prompt"


@pytest.mark.parametrize("size", [1, 100, 10_000])
def test_the_newest_of_many_summaries_counts_however_the_file_is_cut(size: int) -> None:
    own = b"".join(line("summary", summary=f"S{i}", leafUuid="u1") for i in range(20))
    data = user("Prompt", uuid="u1") + own + line("summary", summary="Another's", leafUuid="x") * 10
    assert scan(*(data[at : at + size] for at in range(0, len(data), size))).title == "S19"


@pytest.mark.parametrize(("text", "read"), [(b"\xff", "\ufffd"), (b"\\ud83d", "\ud83d")])
def test_a_record_keeps_its_type_if_the_text_of_another_field_is_damaged(text: bytes, read: str) -> None:
    damaged = b'{"type":"user","cwd":"' + text + b'","message":{"content":"Hello"}}\n'
    assert scan(damaged, assistant("engine-1")) == Attributes("Hello", "Claude Code", "engine-1", read, 2)


def test_the_model_is_the_last_that_answered() -> None:
    nested = line("progress", data={"message": {"type": "assistant", "message": {"model": "nested"}}})
    data = assistant("engine-1") + assistant("engine-2") + nested
    assert scan(data, assistant("<synthetic>"), assistant(None)).model == "engine-2"


def test_messages_inside_other_records_are_not_counted() -> None:
    nested = line("progress", data={"message": {"type": "user", "message": {"content": "inner"}}})
    quoted = line("user", message={"content": 'say {"type":"user"}\n{"type":"user"}'})
    assert scan(nested + quoted).messages == 1
