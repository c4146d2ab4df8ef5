"""The lines of a rollout as messages."""

from __future__ import annotations

from typing import Any

from ctxstore.sources.codex import Codex
from ctxstore.sources.protocol import Message, Part
from tests.sources.homes.codex import line, rollout, spoken


def parse(*records: tuple[str, Any]) -> list[Message]:
    return list(Codex().messages([line(type, payload).encode() for type, payload in records]))


def item(**fields: Any) -> Message:
    return parse(("response_item", fields))[0]


def conversation(messages: list[Message]) -> list[tuple[str, str]]:
    return [(m.role, m.parts[0].text) for m in messages if m.role not in ("meta", "unknown")]


def test_what_was_said_is_there_once_though_it_is_written_twice() -> None:
    assert conversation(list(Codex().messages([rollout().encode()]))) == [
        ("system", "<permissions instructions>\nAll."),
        ("user", "<environment_context>\n  <cwd>/home/ada/engine</cwd>"),
        ("user", "Oil the wheels"),
        ("assistant", "Where is the oil?"),
        ("assistant", ""),
        ("tool", "ok"),
        ("assistant", "Oiled."),
        ("user", "And the gears"),
        ("assistant", "Them too."),
    ]


def test_a_message_has_its_own_id_its_time_its_model_and_the_one_it_follows() -> None:
    messages = [m for m in Codex().messages([rollout().encode()]) if m.id.startswith("msg_")]
    assert [m.id for m in messages] == ["msg_1", "msg_2", "msg_3", "msg_4"]
    assert [m.model for m in messages] == [None, "engine-1", None, "engine-2"]
    assert messages[0].time == "2026-01-31T09:30:05.000Z"
    assert messages[2].parent == "msg_2" and messages[3].parent == "msg_3"


def test_an_item_without_an_id_is_called_by_its_place() -> None:
    messages = parse(("response_item", spoken("user", "a")), ("response_item", spoken("assistant", "b")))
    assert [m.id for m in messages] == ["@0", f"@{len(messages[0].raw)}"]
    assert messages[1].parent == "@0"


def test_calls_and_what_tools_gave_back_are_linked() -> None:
    call = item(type="function_call", name="shell", arguments='{"cmd":["ls"]}', call_id="c1")
    assert call.role == "assistant"
    assert call.parts == (Part("tool_use", name="shell", call="c1", data={"cmd": ["ls"]}),)
    answer = item(type="function_call_output", call_id="c1", output="a.txt")
    assert answer.role == "tool"
    assert answer.parts == (Part("tool_result", "a.txt", call="c1"),)


def test_arguments_that_are_no_json_are_shown_as_they_are() -> None:
    assert item(type="function_call", name="shell", arguments='{"cmd', call_id="c1").parts[0].data == '{"cmd'


def test_every_kind_of_call_is_one() -> None:
    custom = item(type="custom_tool_call", name="apply_patch", input="*** Begin", call_id="c2")
    assert custom.parts == (Part("tool_use", name="apply_patch", call="c2", data="*** Begin"),)
    shell = item(type="local_shell_call", id="l1", call_id=None, action={"command": ["ls"]})
    assert shell.parts == (Part("tool_use", name="local_shell", call="l1", data={"command": ["ls"]}),)
    search = item(type="web_search_call", id="ws_1", action={"type": "search", "query": "oil"})
    assert search.parts[0][:4] == ("tool_use", "", "web_search", "ws_1")
    tools = item(type="tool_search_call", call_id="c3", arguments={"query": "oil"})
    assert tools.parts[0].name == "tool_search" and tools.role == "assistant"
    assert item(type="tool_search_output", call_id="c3", tools=[{"name": "x"}]).role == "tool"


def test_an_output_in_blocks_or_an_object_has_its_text_and_whether_it_failed() -> None:
    blocks = [{"type": "input_text", "text": "seen"}, {"type": "input_image", "image_url": "data:"}]
    assert item(type="function_call_output", call_id="c", output=blocks).parts[0].text == "seen"
    old = item(type="function_call_output", call_id="c", output={"content": "no oil", "success": False})
    assert old.parts == (Part("tool_result", "no oil", call="c", error=True),)


def test_thoughts_are_thinking_encrypted_or_not() -> None:
    open = item(type="reasoning", summary=[{"type": "summary_text", "text": "Hm"}], encrypted_content="x")
    assert (open.role, open.parts) == ("assistant", (Part("thinking", "Hm"),))
    assert item(type="reasoning", summary=[], encrypted_content="x").parts == (Part("thinking"),)


def test_an_image_is_an_image() -> None:
    block = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}
    assert item(type="message", role="user", content=[block]).parts == (Part("image", data=block),)


def test_developers_and_other_agents_are_the_system() -> None:
    assert item(**spoken("developer", "Be brief")).role == "system"
    agents = parse(("inter_agent_communication", {"author": "a", "recipient": "b", "content": "Done"}))[0]
    assert (agents.role, agents.parts) == ("system", (Part("text", "Done"),))


def test_what_is_no_part_of_the_conversation_is_meta() -> None:
    kinds = ["session_meta", "turn_context", "world_state", "token_usage_record", "event_msg", "something_new"]
    assert {m.role for m in parse(*((kind, {"type": "message", "role": "user"}) for kind in kinds))} == {"meta"}
    assert item(type="ghost_snapshot").role == item(type="from_the_future").role == "meta"


def test_a_compaction_shows_what_replaces_the_conversation() -> None:
    history = [spoken("user", "Oil the wheels")]
    found = parse(("compacted", {"message": "The wheels are oiled.", "replacement_history": history}))[0]
    assert found.role == "system"
    assert found.parts[0] == Part("text", "The wheels are oiled.")
    assert found.parts[1] == Part("other", name="replacement_history", data=history)


def test_what_is_undone_stays_and_the_next_turn_follows_what_precedes_it() -> None:
    messages = parse(
        ("response_item", spoken("user", "one", id="u1")),
        ("response_item", spoken("assistant", "1", id="a1")),
        ("response_item", spoken("user", "two", id="u2")),
        ("response_item", spoken("assistant", "2", id="a2")),
        ("response_item", spoken("user", "<environment_context>", id="e3")),
        ("response_item", spoken("user", "three", id="u3")),
        ("event_msg", {"type": "thread_rolled_back", "num_turns": 2}),
        ("response_item", spoken("user", "four", id="u4")),
    )
    assert (messages[6].role, messages[6].parts) == ("meta", (Part("text", "[2 turns undone]"),))
    assert messages[7].parent == "a1"
    assert [m.id for m in messages if m.role == "user"] == ["u1", "u2", "e3", "u3", "u4"]


def test_undoing_more_turns_than_there_are_goes_back_to_the_start() -> None:
    undo = ("event_msg", {"type": "thread_rolled_back", "num_turns": 10**12})
    messages = parse(("response_item", spoken("user", "one")), undo, ("response_item", spoken("user", "two")))
    assert messages[2].parent is None


def test_the_oldest_rollouts_have_items_without_an_envelope() -> None:
    first = b'{"id":"t","timestamp":"2025-05-07T17:24:21Z","instructions":null}\n{"record_type":"state"}\n'
    bare = b'{"type":"message","role":"user","content":[{"type":"input_text","text":"Old times"}]}\n'
    messages = list(Codex().messages([first + bare]))
    assert [m.role for m in messages] == ["meta", "meta", "user"]
    assert messages[2].parts == (Part("text", "Old times"),)


def test_what_cannot_be_read_is_unknown_with_all_its_bytes() -> None:
    data = b"\x00\x01 not json\n" + line("response_item", spoken("user", "a")).encode()
    unknown, user = Codex().messages([data])
    assert (unknown.role, unknown.raw, user.role) == ("unknown", b"\x00\x01 not json\n", "user")


def test_damaged_text_keeps_its_role_and_what_can_be_read() -> None:
    data = line("response_item", spoken("assistant", "Oiled X now", id="m")).encode().replace(b"X", b"\xff")
    message = next(Codex().messages([data]))
    assert (message.role, message.id, message.parts) == ("assistant", "m", (Part("text", "Oiled \ufffd now"),))
