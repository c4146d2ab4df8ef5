"""Lists and maps. They are canonical: equal content has one id, whatever its history."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.ids import IdKeys, Kind, ObjectId
from ctxstore.trees.compare import differences
from ctxstore.trees.lists import CHUNKS, RECORDS, extend_list, leaf, load_list, new_list, splice_list
from ctxstore.trees.maps import Maps, map_differences

KEYS = IdKeys()


class Objects:
    """The objects in a dict, as a list or map needs them, and a count of reads."""

    def __init__(self) -> None:
        self.data: dict[bytes, bytes] = {}
        self.reads = 0

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        id = KEYS.id_of(kind, data)
        self.data[id] = data
        return id

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        self.reads += 1
        return self.data[id]


def items_of(values):
    return [leaf(KEYS.id_of(Kind.RECORD, str(value).encode()), value) for value in values]


def build(objects, values, shape=RECORDS):
    builder = new_list(shape, objects)
    for item in items_of(values):
        builder.push(item)
    return builder.finish()


numbers = st.lists(st.integers(0, 50), max_size=300)


@given(before=numbers, after=numbers, cut=st.tuples(st.integers(0, 300), st.integers(0, 300)))
@settings(deadline=None)
def test_a_spliced_list_has_the_id_of_one_built_from_scratch(before, after, cut):
    objects = Objects()
    start, stop = sorted(min(c, len(before)) for c in cut)
    source = load_list(RECORDS, objects, build(objects, before))
    spliced = splice_list(source, objects, start, stop, items_of(after)).finish()
    assert spliced == build(objects, before[:start] + after + before[stop:])


@given(first=numbers, second=numbers)
@settings(deadline=None)
def test_an_extended_list_has_the_id_of_one_built_from_scratch(first, second):
    objects = Objects()
    builder = extend_list(load_list(RECORDS, objects, build(objects, first)), objects)
    for item in items_of(second):
        builder.push(item)
    assert builder.finish() == build(objects, first + second)


@given(values=numbers, bounds=st.tuples(st.integers(0, 300), st.integers(0, 300)))
@settings(deadline=None)
def test_leaves_are_the_items_pushed(values, bounds):
    objects = Objects()
    source = load_list(RECORDS, objects, build(objects, values))
    start, stop = sorted(bounds)
    assert source.count == len(values)
    assert list(source.leaves(start, stop)) == items_of(values)[start:stop]


@given(old=numbers, new=numbers)
@settings(deadline=None)
def test_differences_turn_the_old_list_into_the_new_one(old, new):
    objects = Objects()
    a, b = (load_list(RECORDS, objects, build(objects, values)) for values in (old, new))
    rebuilt, position = [], 0
    old_items = items_of(old)
    for region in differences(a, b):
        rebuilt += old_items[position : region.old_start] + region.new
        assert old_items[region.old_start : region.old_start + len(region.old)] == region.old
        position = region.old_start + len(region.old)
    assert rebuilt + old_items[position:] == items_of(new)


def test_an_append_to_a_long_list_writes_and_reads_little():
    objects = Objects()
    id = build(objects, range(20_000))
    before = len(objects.data)
    objects.reads = 0
    builder = extend_list(load_list(RECORDS, objects, id), objects)
    builder.push(items_of([99_999])[0])
    builder.finish()
    assert objects.reads == 1
    assert len(objects.data) - before <= 3


def test_a_difference_of_long_lists_reads_only_what_changed():
    objects = Objects()
    values = list(range(20_000))
    a = load_list(CHUNKS, objects, build(objects, values, CHUNKS))
    values[10_000] = 99_999
    b = load_list(CHUNKS, objects, build(objects, values, CHUNKS))
    objects.reads = 0
    (region,) = differences(a, b)
    assert region.old_start == 10_000 and len(region.old) == len(region.new) == 1
    assert objects.reads < 40


keys = st.binary(min_size=1, max_size=3)
values = st.binary(max_size=130)
contents = st.dictionaries(keys, values, max_size=200)


@given(before=contents, edits=st.dictionaries(keys, st.none() | values, max_size=60))
@settings(deadline=None)
def test_an_updated_map_has_the_id_of_one_created_anew(before, edits):
    objects, maps = Objects(), Maps(KEYS)
    source = maps.load(objects, maps.create(objects, before))
    after = {key: value for key, value in {**before, **edits}.items() if value is not None}
    assert maps.update(source, objects, edits) == maps.create(objects, after)


@given(content=contents, key=keys)
@settings(deadline=None)
def test_a_map_finds_what_it_holds(content, key):
    objects, maps = Objects(), Maps(KEYS)
    view = maps.load(objects, maps.create(objects, content))
    assert view.find(key) == content.get(key)
    assert list(view.items()) == sorted(content.items())
    assert list(view.prefixed(key)) == sorted(i for i in content.items() if i[0].startswith(key))


@given(old=contents, new=contents)
@settings(deadline=None)
def test_map_differences_are_those_of_the_dicts(old, new):
    objects, maps = Objects(), Maps(KEYS)
    a, b = (maps.load(objects, maps.create(objects, c)) for c in (old, new))
    expected = [(k, old.get(k), new.get(k)) for k in sorted(old.keys() | new.keys()) if old.get(k) != new.get(k)]
    assert list(map_differences(a, b)) == expected


@pytest.mark.parametrize("size", [0, 1, 7, 1000, 20_000])
def test_a_changed_value_rewrites_one_path(size):
    objects, maps = Objects(), Maps(KEYS)
    content = {f"{i:06}".encode(): b"x" for i in range(size)}
    source = maps.load(objects, maps.create(objects, content))
    before = len(objects.data)
    maps.update(source, objects, {f"{size // 2:06}".encode(): b"y"})
    assert len(objects.data) - before <= 6
