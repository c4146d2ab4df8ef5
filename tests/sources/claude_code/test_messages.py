"""The lines of Claude Code's transcripts as messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.protocol import Message, Part


def line(type: str, **fields: Any) -> bytes:
    return json.dumps({"type": type, **fields}).encode() + b"\n"


def parse(*blocks: bytes) -> list[Message]:
    return list(ClaudeCode().messages(blocks))


def test_a_message_has_the_agents_own_id_time_parent_and_model() -> None:
    raw = line("assistant", uuid="a", parentUuid="u", timestamp="T", message={"model": "m", "content": "hi"})
    assert parse(raw) == [Message("a", "assistant", (Part("text", "hi"),), "T", "u", raw, 0, "m")]


def test_after_a_compaction_the_logical_parent_counts() -> None:
    raw = line("system", uuid="s", parentUuid=None, logicalParentUuid="a", content="Compacted")
    (message,) = parse(raw)
    assert (message.role, message.parent, message.parts) == ("system", "a", (Part("text", "Compacted"),))


def test_an_id_is_made_from_the_offset_where_there_is_none() -> None:
    snapshot = line("file-history-snapshot", messageId="u")
    ids = [message.id for message in ClaudeCode().messages([snapshot * 2], 1000)]
    assert ids == ["@1000", f"@{1000 + len(snapshot)}"]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "t"}, Part("text", "t")),
        ({"type": "thinking", "thinking": "hm", "signature": "s"}, Part("thinking", "hm")),
        (
            {"type": "tool_use", "id": "c", "name": "Read", "input": {"path": "/a"}},
            Part("tool_use", name="Read", call="c", data={"path": "/a"}),
        ),
        (
            {"type": "tool_result", "tool_use_id": "c", "content": "no", "is_error": True},
            Part("tool_result", "no", call="c", error=True),
        ),
        (
            {"type": "image", "source": {"data": "AA"}},
            Part("image", data={"type": "image", "source": {"data": "AA"}}),
        ),
        ({"type": "new", "x": 1}, Part("other", data={"type": "new", "x": 1})),
        ("bare", Part("text", "bare")),
        (7, Part("other", data=7)),
    ],
)
def test_blocks_become_parts(block: object, part: Part) -> None:
    (message,) = parse(line("assistant", message={"content": [block]}))
    assert message.parts == (part,)


def test_a_tools_answer_in_blocks_keeps_text_and_blocks() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]
    content = [{"type": "tool_result", "tool_use_id": "c", "content": blocks}]
    (message,) = parse(line("user", message={"content": content}))
    assert message.parts == (Part("tool_result", "a\nb", call="c", data=blocks),)


def test_a_user_line_of_only_tool_results_is_a_tools() -> None:
    result = {"type": "tool_result", "tool_use_id": "c", "content": "ok"}
    contents: list[object] = [[result], [result, {"type": "text", "text": "and"}], [], "text"]
    roles = [message.role for message in parse(*(line("user", message={"content": c}) for c in contents))]
    assert roles == ["tool", "user", "user", "user"]


@pytest.mark.parametrize("type", ["progress", "file-history-snapshot", "queue-operation", "new"])
def test_other_records_are_meta(type: str) -> None:
    (message,) = parse(line(type, data={"message": {"type": "user"}}))
    assert (message.role, message.parts) == ("meta", ())


@pytest.mark.parametrize(
    "record",
    [
        line("system", subtype="turn_duration", durationMs=1200),
        line("system", subtype="stop_hook_summary", hookCount=1, content=""),
        line("user", isMeta=True, message={"content": "Base directory for this skill: /x"}),
        line("system", isMeta=True, content="kept for the program"),
    ],
)
def test_bookkeeping_is_meta(record: bytes) -> None:
    assert [message.role for message in parse(record)] == ["meta"]


@pytest.mark.parametrize(
    "record",
    [
        line("system", subtype="compact_boundary", content="Conversation compacted"),
        line("user", isCompactSummary=True, message={"content": "We oiled the wheels."}),
        line("user", message={"content": "<local-command-stdout>ok</local-command-stdout>"}),
        line("user", message={"content": [{"type": "text", "text": "[Request interrupted by user]"}]}),
    ],
)
def test_a_text_that_the_program_wrote_is_the_systems(record: bytes) -> None:
    assert [message.role for message in parse(record)] == ["system"]


@pytest.mark.parametrize("prompt", ["Oil them too", [{"type": "text", "text": "Oil them too"}, {"type": "image"}]])
def test_a_prompt_typed_while_the_agent_works_is_the_users(prompt: object) -> None:
    (message,) = parse(line("attachment", uuid="q", attachment={"type": "queued_command", "prompt": prompt}))
    assert (message.id, message.role, message.parts[0]) == ("q", "user", Part("text", "Oil them too"))


@pytest.mark.parametrize(
    "attachment",
    [
        {"type": "queued_command", "prompt": "A task ended", "commandMode": "task-notification"},
        {"type": "queued_command", "prompt": " <task-notification>done</task-notification>"},
        {"type": "queued_command", "prompt": " \n"},
        {"type": "queued_command", "prompt": "for the program", "isMeta": True},
        {"type": "queued_command", "prompt": 7},
        {"type": "skill_listing", "prompt": "words"},
        "queued_command",
    ],
)
def test_other_attachments_are_meta(attachment: object) -> None:
    assert [message.role for message in parse(line("attachment", attachment=attachment))] == ["meta"]


def test_a_summarys_text_is_read() -> None:
    assert parse(line("summary", summary="All oiled", leafUuid="x"))[0].parts == (Part("text", "All oiled"),)


def test_two_objects_on_a_line_are_two_messages() -> None:
    one, two = line("user", uuid="1")[:-1], line("assistant", uuid="2")
    assert [(m.id, m.raw, m.offset) for m in parse(one + two)] == [("1", one, 0), ("2", two, len(one))]


def test_an_object_appended_to_a_torn_one_is_found() -> None:
    torn = line("assistant", message={"content": "cut sho"})[:-6]
    whole = b'{"parentUuid":"p","type":"user","uuid":"u"}\n'
    assert [(m.role, m.raw) for m in parse(torn + whole)] == [("unknown", torn), ("user", whole)]


def test_a_torn_last_line_is_unknown() -> None:
    assert [m.role for m in parse(line("user") + line("assistant", message={"content": "cut"})[:-5])] == [
        "user",
        "unknown",
    ]


def test_a_pretty_printed_document_is_one_message() -> None:
    document = json.dumps({"type": "user", "uuid": "u", "message": {"content": "x"}}, indent=2).encode()
    assert [(m.id, m.role, m.raw) for m in parse(document)] == [("u", "user", document)]


def test_empty_lines_belong_to_the_message_before_them_or_at_the_start_after_them() -> None:
    raw = line("user")
    assert [m.raw for m in parse(b"\n\r\n" + raw + b"\n \n" + raw + b"\n")] == [
        b"\n\r\n" + raw + b"\n \n",
        raw + b"\n",
    ]
    assert [(m.role, m.raw) for m in parse(b"\n\n")] == [("unknown", b"\n\n")]


@pytest.mark.parametrize(
    ("bytes_in", "text_out"),
    [(b"\xff", "\ufffd"), (b"\\ud83d", "\ud83d"), (b"a\tb", "a\tb"), ("é".encode(), "é")],
)
def test_damaged_text_is_read_as_far_as_it_goes(bytes_in: bytes, text_out: str) -> None:
    raw = b'{"type":"user","uuid":"u","parentUuid":"p","message":{"content":"' + bytes_in + b'"}}\n'
    (message,) = parse(raw)
    assert (message.role, message.id, message.parent) == ("user", "u", "p")
    assert message.parts == (Part("text", text_out),)


@pytest.mark.parametrize("field", ["content", "summary", "customTitle", "subtype"])
def test_a_damaged_record_without_a_message_keeps_its_text(field: str) -> None:
    raw = b'{"type":"system","cwd":"\xff","%s":"All oiled"}\n' % field.encode()
    role = "system" if field == "content" else "meta"
    assert [(m.role, m.parts) for m in parse(raw)] == [(role, (Part("text", "All oiled"),))]


def test_nuls_left_by_a_crash_do_not_hide_the_record_after_them() -> None:
    assert [m.role for m in parse(b"\0" * 100 + line("user"))] == ["user"]


@pytest.mark.parametrize("raw", [b"\0\1\2\n", b"[1]\n", b"null\n", b"{}\n", b'{"type":1}\n', b"{]\n"])
def test_what_is_no_record_is_unknown(raw: bytes) -> None:
    assert [(m.role, m.raw, m.parts) for m in parse(raw)] == [("unknown", raw, ())]


def test_nesting_beyond_what_can_be_parsed_is_unknown_and_the_rest_goes_on() -> None:
    deep = b'{"type":"user","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    assert [m.role for m in parse(deep + line("user"))] == ["unknown", "user"]
