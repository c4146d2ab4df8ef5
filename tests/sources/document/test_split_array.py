"""Documents, split into records at their exact bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.sources.document import messages as messages_module
from ctxstore.sources.document.members import members, replace, text_of
from ctxstore.sources.document.messages import iter_messages, meta
from ctxstore.sources.document.split_array import cut
from ctxstore.sources.protocol import Message

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
INDENTS = st.sampled_from([None, 0, 2, "\t"])


class Plain:
    key = "messages"

    def build(self, record: bytes, number: int) -> Message:
        return meta(f"r{number}")

    def head(self, head: bytes) -> Message:
        return meta("@head")


def records(data: bytes) -> list[bytes]:
    found = cut(data, "messages")
    return [data[start:end] for start, end in found.records] if found else []


@settings(deadline=None)
@given(values=st.lists(VALUES, max_size=5), indent=INDENTS)
def test_an_array_is_cut_into_its_values(values: list[Any], indent: Any) -> None:
    data = json.dumps(values, indent=indent).encode()
    assert [json.loads(record) for record in records(data)] == values
    found = cut(data, "messages")
    assert found and found.is_whole and data[found.closing :].strip() == b"]"


@settings(deadline=None)
@given(values=st.lists(VALUES, max_size=4), before=VALUES, after=VALUES, indent=INDENTS)
def test_so_is_an_array_in_an_object(values: list[Any], before: Any, after: Any, indent: Any) -> None:
    data = json.dumps({"a": before, "messages": values, "b": after}, indent=indent, ensure_ascii=False).encode()
    assert [json.loads(record) for record in records(data)] == values


@settings(deadline=None)
@given(values=st.lists(VALUES, max_size=5), data=st.data())
def test_of_a_document_cut_short_the_whole_records_are_found(values: list[Any], data: st.DataObject) -> None:
    objects = [{"v": value} for value in values]
    text = json.dumps(objects).encode()
    short = text[: data.draw(st.integers(0, len(text)))]
    found = [json.loads(record) for record in records(short)]
    assert found == objects[: len(found)]
    whole = [i for i in range(len(objects)) if len(json.dumps(objects[: i + 1]).encode()) - 1 <= len(short)]
    assert len(found) == len(whole)


@pytest.mark.parametrize(
    "text",
    [
        b'[{"a":1},{"b":"\xff\xfe"},{"c":2}]',
        b'\xef\xbb\xbf[{"a":1},{"b":2},{"c":3}]',
        b'[{"a":1},{"b":2},{"c":3}]}}left over',
        b'[{"a":1},{"b":"\n"},{"c":3}]',
        b'[{"a":1},{"b":NaN},{"c":3}]',
        b'[{"a":1},{"b":' + b"9" * 5000 + b'},{"c":3}]',
        b'{"messages":[{"a":0}],"messages":[{"a":1},{"b":2},{"c":3}]}'.replace(b'[{"a":0}]', b"1"),
    ],
)
def test_damage_that_leaves_the_records_apart_keeps_them_all(text: bytes) -> None:
    assert len(records(text)) == 3


def test_the_first_of_two_arrays_of_a_name_is_cut_at_its_own_bytes() -> None:
    assert records(b'{"messages":[{"a":1},{"b":2}],"messages":[{"c":3},{"d":4}]}') == [b'{"a":1}', b'{"b":2}']


@pytest.mark.parametrize("text", [b"", b"7", b"{}", b'{"messages":3}', b"\x00\x01", b'"x"', b"nul", b'{"messages"'])
def test_what_is_no_such_document_is_not_cut(text: bytes) -> None:
    assert cut(text, "messages") is None


def test_nesting_deeper_than_python_can_follow_ends_the_records() -> None:
    deep = b'[{"a":1},' + b"[" * 100_000 + b"]" * 100_000 + b"]"
    assert records(deep) in ([b'{"a":1}'], [b'{"a":1}', deep[9:-1]])


def test_a_document_that_grows_keeps_the_messages_it_has() -> None:
    old = list(iter_messages([b'[{"a":1},{"b":2}]'], 0, Plain()))
    new = list(iter_messages([b'[{"a":1},{"b":2},{"c":3}]'], 0, Plain()))
    assert [(m.id, m.raw) for m in new[:2]] == [(m.id, m.raw) for m in old[:2]]
    assert (new[-1].id, new[-1].raw) == (old[-1].id, old[-1].raw) == ("@tail", b"]")


def test_a_document_beyond_the_limit_passes_by_in_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages_module, "LIMIT", 20)
    blocks = [b'[{"a":1},', b'{"b":2},{"c":3}', b"]"]
    found = list(iter_messages(blocks, 5, Plain()))
    assert [message.raw for message in found] == blocks
    assert {message.role for message in found} == {"unknown"}
    assert [message.offset for message in found] == [5, 14, 29]


def test_an_id_that_was_had_before_is_made_from_the_place() -> None:
    class Same(Plain):
        def build(self, record: bytes, number: int) -> Message:
            return meta("x")

    found = list(iter_messages([b"[{},{},{}]"], 0, Same()))
    assert [message.id for message in found] == ["x", "@1", "@2", "@tail"]
    assert [message.parent for message in found[:3]] == [None, "x", "@1"]


@settings(deadline=None)
@given(value=st.dictionaries(st.text('abc é"\\', max_size=4), VALUES, max_size=4), indent=INDENTS)
def test_members_are_found_where_they_stand(value: dict[str, Any], indent: Any) -> None:
    data = json.dumps(value, indent=indent).encode()
    assert {m.key: json.loads(data[m.start : m.end]) for m in members(text_of(data))} == value


@settings(deadline=None)
@given(value=st.dictionaries(st.sampled_from("abcd"), VALUES), new=VALUES)
def test_a_replaced_member_leaves_the_others(value: dict[str, Any], new: Any) -> None:
    data = json.dumps(value, indent=1).encode()
    changed = json.loads(replace(data, {"b": json.dumps(new).encode()}))
    assert changed == ({**value, "b": new} if "b" in value else value)
    assert replace(data, {}) == data
