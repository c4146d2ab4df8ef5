"""Values that are changed in place. All other bytes stay."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.sources.jsonl.edit import Fields, edit_line

OLD, NEW = "0b9c", "f00d"
FIELDS: Fields = {
    "id": lambda value: NEW if value == OLD else value,
    "meta": {"id": lambda value: NEW if value == OLD else value},
}


@pytest.mark.parametrize(
    ("line", "edited"),
    [
        (b'{"id":"0b9c","a":1}\n', b'{"id":"f00d","a":1}\n'),
        (b' { "a" : [1, 2.50] ,\t"id" :\n "0b9c" } \r\n', b' { "a" : [1, 2.50] ,\t"id" :\n "f00d" } \r\n'),
        (b'{"text":"{\\"id\\":\\"0b9c\\"}","id":"0b9c"}', b'{"text":"{\\"id\\":\\"0b9c\\"}","id":"f00d"}'),
        (b'{"input":{"id":"0b9c"}}', b'{"input":{"id":"0b9c"}}'),
        (b'{"meta":{"x":{"id":"0b9c"},"id":"0b9c"}}', b'{"meta":{"x":{"id":"0b9c"},"id":"f00d"}}'),
        (b'{"id":7,"meta":"0b9c"}', b'{"id":7,"meta":"0b9c"}'),
        (b'{"id":["0b9c", 7, ["0b9c"]]}', b'{"id":["f00d", 7, ["0b9c"]]}'),
        (b'{"id":"0b9c"}{"id":"0b9c"}\n', b'{"id":"f00d"}{"id":"f00d"}\n'),
        (b'{"id":"0b9c"}{"id":"0b9c"\n', b'{"id":"f00d"}{"id":"0b9c"\n'),
        (b'{"id":"0b9c","id":"0b9c"}', b'{"id":"0b9c","id":"0b9c"}'),
        (b'\0\0{"id":"0b9c"}\0\n', b'\0\0{"id":"f00d"}\0\n'),
        (
            b'{"a":"\\ud83d", "id" : "0b9c","meta":{"id":"0b9c"}}\n',
            b'{"a":"\\ud83d", "id" : "f00d","meta":{"id":"f00d"}}\n',
        ),
        (b'{"id":"\\ud83d","meta":{"id":"\xff"}}', b'{"id":"\\ud83d","meta":{"id":"\xff"}}'),
        (b'{"a":"\\ud83d","id":"0b9c","id":"0b9c"}', b'{"a":"\\ud83d","id":"0b9c","id":"0b9c"}'),
        (b"\n", b"\n"),
        (b"[1]\n", b"[1]\n"),
        (b"\xff\x00{", b"\xff\x00{"),
    ],
    ids=lambda value: None,
)
def test_only_the_named_strings_change(line: bytes, edited: bytes) -> None:
    assert edit_line(line, FIELDS) == edited


def test_a_record_after_one_that_was_cut_short_is_changed_too() -> None:
    line = b'{"parentUuid":null,"id":"0b{"parentUuid":null,"id":"0b9c"}\n'
    assert edit_line(line, FIELDS, '{"parentUuid":').endswith(b'{"parentUuid":null,"id":"f00d"}\n')


def test_what_is_written_may_be_any_text() -> None:
    odd = '\\"\u2028é\x00'
    assert json.loads(edit_line(b'{"id":"x"}', {"id": lambda _: odd})) == {"id": odd}


_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.just(OLD),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "meta", "x"]) | st.text(), inner)
    ),
    max_leaves=20,
)


def changed(value: Any) -> Any:
    """Applies the change to the decoded value, and encodes it again."""

    def new(value: Any) -> Any:
        if isinstance(value, list):
            return [NEW if each == OLD else each for each in value]
        return NEW if value == OLD else value

    value = {key: new(item) if key == "id" else item for key, item in value.items()}
    if isinstance(value.get("meta"), dict):
        value["meta"] = {k: new(v) if k == "id" else v for k, v in value["meta"].items()}
    return value


@given(st.dictionaries(st.sampled_from(["id", "meta", "x"]) | st.text(), _values), st.sampled_from([None, 1]))
def test_the_result_is_the_record_with_the_values_changed(record: dict[str, Any], indent: int | None) -> None:
    line = json.dumps(record, ensure_ascii=False, indent=indent).encode("utf-8", "surrogatepass")
    assert json.loads(edit_line(line, FIELDS)) == changed(record)
    assert edit_line(line, {}) == line
