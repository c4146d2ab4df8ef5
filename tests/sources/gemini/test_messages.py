"""The messages of a session. Each is read exactly, and once."""

from __future__ import annotations

import json

from ctxstore.sources.gemini import Gemini
from ctxstore.sources.protocol import Message, Part
from tests.sources.gemini.conftest import (
    ACCEPTED,
    ALONE,
    ANSWER,
    CALLED,
    HEAD,
    INFO,
    LISTED,
    RESPONSE,
    RESULT,
    REWOUND,
    SUMMARY,
    TOUCHED,
    UNNAMED,
    UNNAMED_DOCUMENT,
    USER,
)
from tests.sources.gemini.test_agreement import scan
from tests.sources.homes.gemini import OLD_DOCUMENT, PROJECT, SESSION_TEXT, head, jsonl, said


def read(*records: bytes, offset: int = 0) -> list[Message]:
    return list(Gemini().messages(records, offset))


def shown(*records: bytes) -> list[tuple[str, str, str | None]]:
    return [(m.role, m.id, m.parent) for m in read(*records) if m.role != "meta"]


def test_a_message_that_is_written_again_is_one_with_all_that_came_of_it() -> None:
    messages = read(HEAD, USER, ANSWER, TOUCHED, CALLED, RESULT)
    assert [m.role for m in messages] == ["meta", "user", "meta", "meta", "assistant", "meta"]
    assert messages[4].parts == (
        Part("tool_use", name="write_file", call="call1", data={"file_path": "a"}),
        Part("tool_result", "written", call="call1", data=[RESPONSE]),
    )
    assert (messages[4].id, messages[4].parent, messages[4].time) == ("g2", "u2", "2026-01-01T10:00:01.000Z")


def test_a_tools_answer_that_no_call_has_is_a_message() -> None:
    assert shown(USER, ALONE) == [("user", "u2", None), ("tool", "r3", "u2")]


def test_thoughts_are_parts() -> None:
    assert read(ANSWER)[0].parts == (Part("thinking", "How\nto wind"),)


def test_what_the_agent_says_of_the_folder_is_not_the_users_and_names_the_project() -> None:
    assert [(m.role, m.id) for m in read(SESSION_TEXT.encode())][2:4] == [("meta", "c0"), ("user", "u1")]
    attributes = scan([SESSION_TEXT.encode()])
    assert attributes == ("Oil the wheels", "Gemini CLI", "gemini-2.5-flash", PROJECT, 2)


def test_a_list_holds_what_is_new_in_it_and_repeats_the_rest() -> None:
    messages = read(USER, LISTED, LISTED)
    assert [(m.role, m.id) for m in messages] == [
        ("user", "u2"),
        ("meta", f"@{len(USER)}"),
        ("user", "u1"),
        ("user", "s1"),
        ("assistant", "g1"),
        ("meta", f"@{len(USER + LISTED)}"),
    ]
    assert json.loads(messages[2].raw.rstrip(b", ")) == said("u1", "user", "Oil")


def test_what_is_said_after_a_rewind_is_another_branch() -> None:
    again = USER.replace(b"u2", b"u3")
    assert shown(HEAD, said_first := USER.replace(b"u2", b"u0"), USER, ANSWER, REWOUND, again)[1:] == [
        ("user", "u2", "u0"),
        ("assistant", "g2", "u2"),
        ("user", "u3", "u0"),
    ]
    assert said_first


def test_what_is_no_ones_is_meta() -> None:
    assert [m.role for m in read(HEAD, TOUCHED, INFO, REWOUND)] == ["meta"] * 4


def test_an_old_document_is_read_message_by_message() -> None:
    for text in (json.dumps(OLD_DOCUMENT, indent=2), json.dumps(OLD_DOCUMENT)):
        messages = read(text.encode())
        assert [(m.role, m.id, m.parent) for m in messages] == [
            ("meta", "@0", None),
            ("user", "o1", None),
            ("assistant", "o2", "o1"),
        ]
        assert scan([text.encode()]).messages == 2


def test_the_summary_is_the_title() -> None:
    data = jsonl(head(), said("u1", "user", "Oil"), {"$set": {"summary": "Care of\nwheels"}}).encode()
    assert scan([data]).title == "Care of wheels"
    assert read(data)[-1].parts == (Part("text", "Care of\nwheels"),)


def test_of_a_part_of_a_file_lists_are_not_taken_for_new() -> None:
    assert [m.role for m in read(LISTED, USER, offset=100)] == ["meta", "user"]


def test_a_folder_that_is_not_the_sessions_is_no_project() -> None:
    data = SESSION_TEXT.replace(PROJECT, "/home/ada/other").encode()
    assert scan([data]).project is None


def test_messages_without_ids_are_named_by_their_places() -> None:
    found = [each for each in Gemini().messages([UNNAMED_DOCUMENT]) if each.role != "meta"]
    assert [(each.role, each.id, each.parts[0].text) for each in found] == [
        ("user", "@m0", "Oil the wheels"), ("assistant", "@m1", "Which?"), ("assistant", "@m2", "Oiled.")
    ]  # fmt: skip
    assert [each.parent for each in found] == [None, "@m0", "@m1"]


def test_records_without_ids_are_messages() -> None:
    found = list(Gemini().messages([UNNAMED, UNNAMED]))
    assert [(each.role, each.id) for each in found] == [("assistant", "@0"), ("assistant", f"@{len(UNNAMED)}")]


def test_a_compression_is_its_summary_and_repeats_nothing() -> None:
    asked = b'{"id":"u1","type":"user","content":[{"text":"Oil the wheels"}]}\n'
    answered = b'{"id":"g1","type":"gemini","content":"Oiled."}\n'
    kept = asked.replace(b"u1", b"c3")
    members = [each[:-1] for each in (SUMMARY, ACCEPTED, kept)]
    listed = b'{"$set":{"messages":[%s]}}\n' % b",".join(members)
    after = b'{"id":"u2","type":"user","content":[{"text":"And now?"}]}\n'
    for records in ([SUMMARY, ACCEPTED, kept, listed], [listed], [SUMMARY, ACCEPTED, kept]):
        found = [each for each in read(asked, answered, *records, after) if each.role != "meta"]
        assert [(each.id, each.role) for each in found] == [
            ("u1", "user"), ("g1", "assistant"), ("c1", "system"), ("u2", "user")
        ]  # fmt: skip
        assert found[-1].parent == "c1"
        assert scan([asked, answered, *records, after]).messages == 4
