"""Records of JSON values. They survive a round trip, and values that JSON does not have are refused."""

from __future__ import annotations

import enum
import json
import math
from collections import OrderedDict
from decimal import Decimal

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import Corrupt, InvalidInput
from ctxstore.objects import encoding
from ctxstore.objects.encoding import MAX_DEPTH, decode_record, decode_structure, encode_record, encode_structure

texts = st.text(st.characters(codec=None, exclude_categories=()))  # including lone surrogates
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5), max_leaves=30
)


def same(a, b):
    """Whether two values are equal in value, type, order of keys and sign of zero."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return a == b and math.copysign(1, a) == math.copysign(1, b)
    return a == b


def nested(depth, leaf=None):
    value = leaf
    for i in range(depth):
        value = [value] if i % 2 else {"": value}
    return value


@given(values)
@settings(deadline=None)
def test_a_record_gives_back_the_value(value):
    assert same(decode_record(encode_record(value)), value)


@given(values)
@settings(deadline=None)
def test_a_record_gives_back_the_json_text(value):
    text = json.dumps(value)
    assert json.dumps(decode_record(encode_record(json.loads(text)))) == text


@pytest.mark.parametrize(
    "value",
    [
        1721828935.24231,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        0.1 + 0.2,
        math.inf,
        -math.inf,
        2**63,
        2**64,
        -(2**64) - 1,
        10**400,
        "",
        "\ud800",
        "\udfff\ud800",
        "a\udc80b",
        "\U0001f600",
        "\0",
        {"": {"": []}},
        {"\ud83d": "\ude00"},
        {"b": 1, "a": 2},
        [True, 1, 1.0, False, 0],
    ],
    ids=repr,
)
def test_values_that_others_alter_come_back(value):
    assert same(decode_record(encode_record(value)), value)


def test_nan_comes_back_as_nan():
    assert math.isnan(decode_record(encode_record(math.nan)))


def test_equal_values_are_equal_bytes_and_the_order_of_keys_counts():
    assert encode_record({"a": [1, "x"]}) == encode_record(json.loads('{"a": [1, "x"]}'))
    assert encode_record({"a": 1, "b": 2}) != encode_record({"b": 2, "a": 1})
    assert encode_record(1) != encode_record(1.0)


def test_a_text_of_two_surrogates_that_make_a_pair_stays_two():
    assert decode_record(encode_record("\ud83d\ude00")) == "\ud83d\ude00"


class Number(enum.IntEnum):
    ONE = 1


class Text(str):
    __slots__ = ()


class Items(list):
    pass


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        b"bytes",
        bytearray(b"x"),
        {1: 2},
        {None: 1},
        {b"k": 1},
        {Text("k"): 1},
        Text("x"),
        Items(),
        OrderedDict(),
        Number.ONE,
        Decimal(1),
        {1, 2},
        ...,
        1j,
        cbor2.CBORTag(encoding.SURROGATES, b"x"),
    ],
    ids=repr,
)
def test_what_json_does_not_have_is_refused_wherever_it_is(value):
    for wrapped in (value, [value], {"key": [None, value]}):
        with pytest.raises(InvalidInput):
            encode_record(wrapped)


def test_nesting_is_kept_up_to_the_limit_and_refused_beyond_it():
    deepest = nested(MAX_DEPTH, "leaf")
    assert decode_record(encode_record(deepest)) == deepest
    for leaf in ("leaf", [], {}):
        with pytest.raises(InvalidInput, match="deep"):
            encode_record(nested(MAX_DEPTH + (leaf == "leaf"), leaf))
    with pytest.raises(InvalidInput):
        encode_record(nested(100_000))


def test_a_value_that_holds_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(InvalidInput):
        encode_record(value)


def test_a_record_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(encoding, "MAX_OBJECT", 100)
    encode_record("x" * 98)
    with pytest.raises(InvalidInput, match="too large"):
        encode_record("x" * 99)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x82\x01",
        b"\x61\xff",
        b"\xff",
        b"\x9b" + b"\xff" * 8,
        b"\x5b\x00\x00\x00\xff\xff\xff\xff\xff",
        b"\x81" * 100_000,
        cbor2.dumps(cbor2.CBORTag(12345, b"x")),
        cbor2.dumps(cbor2.CBORTag(encoding.SURROGATES, "text")),
        cbor2.dumps(cbor2.CBORTag(encoding.SURROGATES, b"\xff")),
    ],
    ids=lambda data: data[:12].hex() or "empty",
)
def test_what_is_no_record_is_corrupt_at_once(data):
    with pytest.raises(Corrupt):
        decode_record(data)


@pytest.mark.parametrize("data", [b"", b"\x82\x01", b"\x9b" + b"\xff" * 8, b"\x81" * 100_000])
def test_what_is_no_structure_is_corrupt_at_once(data):
    with pytest.raises(Corrupt):
        decode_structure(data)


def test_structures_use_the_shortest_lengths():
    assert encode_structure({0: 1, 1: [23, 24, 255, 256], 2: None, 3: b"ab", 4: True}).hex() == (
        "a500010184171818" + "18ff190100" + "02f60342616204f5"
    )
