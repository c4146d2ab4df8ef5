"""Rows as lines of JSON. They survive a round trip."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.errors import InvalidInput
from ctxstore.sources.sqlite.database import Garbled
from ctxstore.sources.sqlite.rows import RowLine, decode_line, encode_line, plain_value, stored_value

texts = st.text(st.characters(exclude_categories=("Cs",)))
values = (
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts | st.binary()
    | st.binary(min_size=1).map(lambda data: Garbled(b"\xff" + data))
)  # fmt: skip


@given(st.dictionaries(texts, values))
def test_every_value_comes_back_as_it_was(row: dict[str, object]) -> None:
    line = RowLine("wheel", {name: plain_value(value) for name, value in row.items()})
    again = decode_line(encode_line(line))
    assert encode_line(again) == encode_line(line)
    back = {name: stored_value(value) for name, value in again.row.items()}
    assert back == row and [type(value) for value in back.values()] == [type(value) for value in row.values()]


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | texts | st.binary())
def test_sqlite_takes_them_back(value: object) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        back = stored_value(plain_value(value))
        assert database.execute("SELECT ? IS ?, typeof(?) = typeof(?)", (value, back) * 2).fetchone() == (1, 1)


@pytest.mark.parametrize("value", [{}, {"blob": "?"}, {"blob": 1}, {"real": "x"}, {"other": ""}, [], True])
def test_what_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        stored_value(value)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"table":1,"row":{}}', b'{"table":"t","row":[]}', b"\xff"])
def test_what_is_no_row_is_refused(raw: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode_line(raw)
