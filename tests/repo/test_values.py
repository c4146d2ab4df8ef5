"""JSON values. Each is read as it was written. Other values are refused and change nothing."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import InvalidInput
from ctxstore.objects.encoding import MAX_DEPTH

any_text = st.text(st.characters(exclude_categories=()), max_size=20)  # including lone surrogates
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(any_text, inner, max_size=5),
    max_leaves=20,
)


def same(a, b):
    """Whether two values are equal, including type and order, which == ignores."""
    return json.dumps(a) == json.dumps(b)


@given(value=json_values, key=any_text)
@settings(deadline=None, max_examples=100)
def test_any_json_value_comes_back(value, key):
    with ctxstore.init("memory:") as repo:
        draft = repo.edit("chat/a")
        draft.messages.append(value)
        draft.memories[key] = value
        assert same(draft.messages[0], value)
        assert same(draft.memories[key], value)
        draft.commit()
        view = repo.view("chat/a")
        assert same(view.messages[0], value)
        assert same(view.memories[key], value)
        assert list(view.memories) == [key]


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        2**64,
        -(2**64) - 1,
        10**400,
        1721828935.24231,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        math.inf,
        True,
        1,
        1.0,
        "",
        "\ud800",
        "a\udfffb",
        "\0",
        "\U0001f600",
        {"": {"": []}},
        {"b": 1, "a": 2},
        {"\ud83d": "\ude00"},
        [[], {}, None],
    ],
    ids=repr,
)
def test_odd_values_come_back(repo, place, value):
    draft = repo.edit("chat/a")
    draft.messages.append(value)
    draft.commit()
    with ctxstore.open(place) as fresh:
        found = fresh.view("chat/a").messages[0]
    assert same(found, value)
    assert type(found) is type(value)
    assert math.copysign(1, found) == math.copysign(1, value) if isinstance(value, float) else True


def test_nan_comes_back(repo):
    draft = repo.edit("chat/a")
    draft.messages.append(math.nan)
    draft.commit()
    assert math.isnan(repo.view("chat/a").messages[0])


def nested(depth):
    value = "core"
    for level in range(depth):
        value = [value] if level % 2 else {"k": value}
    return value


def test_values_nest_to_the_documented_depth(repo):
    draft = repo.edit("chat/a")
    draft.messages.append(nested(MAX_DEPTH))
    draft.commit()
    assert repo.view("chat/a").messages[0] == nested(MAX_DEPTH)
    with pytest.raises(InvalidInput):
        draft.messages.append(nested(MAX_DEPTH + 1))
    with pytest.raises(InvalidInput):
        draft.messages.append(nested(100_000))


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [b"x", (1, 2), {1: 2}, {None: 1}, {1, 2}, object(), 1j, [b"x"], {"a": [{"b": ()}]}, Text("x"), {Text("k"): 1}],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_json_value_is_refused_and_changes_nothing(repo, value):
    draft = repo.edit("chat/a")
    draft.messages.extend(["kept", "too"])
    draft.memories["k"] = "kept"
    for attempt in (
        lambda: draft.messages.append(value),
        lambda: draft.messages.insert(0, value),
        lambda: draft.messages.__setitem__(0, value),
        lambda: draft.memories.__setitem__("k", value),
        lambda: draft.memories.__setitem__("new", value),
    ):
        with pytest.raises(InvalidInput):
            attempt()
    draft.commit()
    assert list(repo.view("chat/a").messages) == ["kept", "too"]
    assert dict(repo.view("chat/a").memories) == {"k": "kept"}


def test_a_value_over_the_limit_is_refused(repo):
    with pytest.raises(InvalidInput):
        repo.edit("chat/a").messages.append("x" * (65 << 20))


@pytest.mark.parametrize("key", [1, None, b"k", ("a",)], ids=repr)
def test_a_memory_key_that_is_no_text_is_refused(repo, key):
    draft = repo.edit("chat/a")
    with pytest.raises(InvalidInput):
        draft.memories[key] = 1
    assert len(draft.memories) == 0


@pytest.mark.parametrize("path", ["", "/", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a\0b", "\ud800"])
def test_a_path_no_file_may_have_is_refused(repo, path):
    draft = repo.edit("chat/a")
    with pytest.raises(InvalidInput):
        draft.files.put(path, b"x")
    with pytest.raises(InvalidInput):
        draft.files.remove(path)


@pytest.mark.parametrize("content", ["text", None, 5, ["text"]], ids=repr)
def test_content_that_is_not_bytes_is_refused(repo, content):
    draft = repo.edit("chat/a")
    draft.messages.append("kept")
    with pytest.raises(InvalidInput):
        draft.files.put("a", content)
        draft.commit()
    draft.files.put("a", b"good")
    draft.commit()
    assert repo.view("chat/a").read("a") == b"good"


@pytest.mark.parametrize("name", ["", "/", "a//b", "a/", "..", "a/./b", "a b", "a~1", "a@{1}", "a*", "a\n", "x" * 2000])
def test_a_name_no_context_may_have_is_refused(repo, name):
    with pytest.raises(InvalidInput):
        repo.edit(name)
    with pytest.raises(InvalidInput):
        repo.set_ref(name, None, expected=None)


@pytest.mark.parametrize("name", ["a", "a/b/c/d", "é/ü", "chat/名前", "a.b-c_d", "x" * 1000])
def test_names_may_be_of_any_language(repo, place, name):
    draft = repo.edit(name)
    draft.messages.append(name)
    draft.commit()
    with ctxstore.open(place) as fresh:
        assert [ref for ref, _ in fresh.refs()] == [name]
        assert list(fresh.view(name).messages) == [name]
