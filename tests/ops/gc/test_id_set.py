"""The compact set of ids with marks, compared with a dict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ctxstore.ops.gc.id_set import MARKED, MARKED_LATER, UNMARKED, IdSet

ids = st.lists(st.binary(min_size=32, max_size=32), max_size=60)


@given(ids, ids, ids)
def test_it_holds_what_was_added_and_what_was_marked(first, second, others):
    found = IdSet()
    found.add_all(b"".join(first))
    marked = {id for id in first[::2] if found.mark(id)}
    assert marked == set(first[::2])
    found.begin_second_marking()
    found.add_all(b"".join(second))
    again = {id for id in second[::2] if found.mark(id)}
    for id in {*first, *second, *others}:
        expected = MARKED if id in marked else MARKED_LATER if id in again else UNMARKED
        assert found.marks(id) == bytes([expected])
    assert len(found) == len({*first, *second})


def test_it_grows_and_forgets_nothing():
    found = IdSet()
    made = [number.to_bytes(8, "little") + bytes(24) for number in range(1, 20_001)]
    for start in range(0, len(made), 777):
        found.add_all(b"".join(made[start : start + 777]))
        assert found.mark(made[start])
    assert len(found) == len(made)
    assert found.marks(b"".join(made)).count(MARKED) == len(range(0, len(made), 777))


def test_the_empty_slot_is_no_id():
    found = IdSet()
    assert found.mark(bytes(32)) is None
    found.add_all(bytes(32))
    assert found.mark(bytes(32)) is True
    assert found.mark(bytes(32)) is False
