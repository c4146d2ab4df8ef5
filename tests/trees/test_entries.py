"""Entries of trees, and damaged structures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxstore.errors import Corrupt, NotFound
from ctxstore.ids import IdKeys, Kind
from ctxstore.objects.encoding import encode_structure
from ctxstore.trees.entries import (
    DirEntry,
    FileEntry,
    ListEntry,
    MapEntry,
    SymlinkEntry,
    decode_entry,
    decode_key,
    encode_entry,
    encode_key,
)
from ctxstore.trees.lists import RECORDS, leaf, load_list, new_list
from ctxstore.trees.maps import Maps

KEYS = IdKeys()
ID = b"i" * 32
ids = st.binary(min_size=32, max_size=32)
counts = st.integers(0, 2**63 - 1)
times = st.integers(-(2**63) * 10**9, 2**63 * 10**9)  # a file system may store 64 bits of seconds
entries = st.one_of(
    st.builds(FileEntry, st.integers(0, 0o7777), times, counts, st.booleans(), ids),
    st.builds(FileEntry, st.integers(0, 0o7777), times, st.just(0), st.just(False), st.none()),
    st.builds(DirEntry, st.integers(0, 0o7777), times),
    st.builds(SymlinkEntry, st.binary(max_size=200), times),
    st.builds(ListEntry, ids, counts, counts),
    st.builds(MapEntry, ids, counts),
)


@given(entries)
def test_an_entry_comes_back(entry):
    assert decode_entry(encode_entry(entry)) == entry


def test_entries_of_files_fit_into_a_node():
    assert len(encode_entry(FileEntry(0o7777, -(2**63), 2**63, True, ID))) <= 96


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        [],
        {},
        [0],
        [6, ID],
        [1],
        [1, 0o644, 0, 5, False, None],
        [1, 0o644, 0, 5, False, b"short"],
        [1, 0o644, 0, 5, 1, ID],
        [1, 0o644, 0, "5", True, ID],
        [1, 0o644, 0.5, 5, True, ID],
        [1, 0o644, 0, 5, True, ID, 0],
        [2, 0o755],
        [2, 0o755, None],
        [3, "target", 0],
        [3, b"target"],
        [4, ID, 1],
        [4, b"short", 1, 1],
        [5, None, 1],
        [5, ID, True],
    ],
    ids=repr,
)
def test_a_malformed_entry_is_corrupt(value):
    with pytest.raises(Corrupt):
        decode_entry(encode_structure(value))


@pytest.mark.parametrize("path", ["a", "a/b c", "käse", "\udc80\udcff", "a\nb", "/messages"])
def test_paths_come_back_whatever_their_bytes(path):
    assert decode_key(encode_key(path)) == path


class Objects:
    """The objects in a dict, read without a check."""

    def __init__(self):
        self.data = {}

    def put(self, kind, data):
        id = KEYS.id_of(kind, data)
        self.data[id] = data
        return id

    def get(self, id, kind):
        try:
            return self.data[id]
        except KeyError:
            raise NotFound("") from None


def flips(data):
    for i in range(len(data)):
        for mask in (0x01, 0x20, 0xFF):
            yield data[:i] + bytes([data[i] ^ mask]) + data[i + 1 :]
        yield data[:i]


def damaged(objects, id, *, root):
    """Yields the objects once for every change of a byte of the root or of a node."""
    target = id if root else next(iter(objects.data))
    whole = objects.data[target]
    for changed in flips(whole):
        objects.data[target] = changed
        yield
    objects.data[target] = whole


@pytest.mark.parametrize("root", [True, False])
def test_a_damaged_list_is_corrupt_or_read_never_a_crash(root):
    objects = Objects()
    builder = new_list(RECORDS, objects)
    for i in range(40):
        builder.push(leaf(KEYS.id_of(Kind.RECORD, b"%d" % i), i))
    id = builder.finish()
    for _ in damaged(objects, id, root=root):
        try:
            list(load_list(RECORDS, objects, id).leaves())
        except (Corrupt, NotFound):
            pass


@pytest.mark.parametrize("root", [True, False])
def test_a_damaged_map_is_corrupt_or_read_never_a_crash(root):
    objects, maps = Objects(), Maps(KEYS)
    id = maps.create(objects, {b"key %03d" % i: b"v" * (i % 120) for i in range(120)})
    for _ in damaged(objects, id, root=root):
        try:
            view = maps.load(objects, id)
            list(view.items())
            view.find(b"key 050")
        except (Corrupt, NotFound):
            pass


@pytest.mark.parametrize(
    "levels",
    [
        [[[b"b", b"a"], [b"", b""]]],
        [[[b"a", b"a"], [b"", b""]]],
        [[["a"], [b""]]],
        [[[b"a"], []]],
        [[[b"a"], [[b"short"]]]],
        [[[b"a"], [[ID, ID]]]],
        [[[b"a"], [7]]],
        [[[], []], [[b"a"], ID, [0]]],
        [[[], []], [[b"a"], ID]],
        [[[], []], [[b"a"], ID + b"x", [1]]],
        [[[], []]] * 25,
        7,
    ],
    ids=repr,
)
def test_a_malformed_map_is_corrupt(levels):
    objects = Objects()
    for value in ([1, levels], [2, [[[], []]]], [1]):
        id = objects.put(Kind.MAP, encode_structure(value))
        with pytest.raises(Corrupt):
            Maps(KEYS).load(objects, id)


@pytest.mark.parametrize(
    "levels",
    [[[ID, []]], [[ID, [-1]]], [[ID, ["1"]]], [[ID, [1], [1]]], [[b"", []], [ID, [1]]], [[b"", []], [ID, [1], [0]]]],
    ids=repr,
)
def test_a_malformed_list_is_corrupt(levels):
    objects = Objects()
    id = objects.put(Kind.LIST, encode_structure([1, levels]))
    with pytest.raises(Corrupt):
        load_list(RECORDS, objects, id)


@pytest.mark.parametrize("time", [-1, 2**64, 10**9 << 63])
def test_a_time_that_needs_more_than_64_bits_as_nanoseconds_comes_back(time):
    entry = DirEntry(0o755, time)
    assert decode_entry(encode_entry(entry)) == entry


@pytest.mark.parametrize(
    "entry", [DirEntry(0o10000, 0), DirEntry(-1, 0), DirEntry(0, (10**9 << 63) + 1), MapEntry(ID, -1)]
)
def test_an_entry_that_no_file_system_has_is_corrupt(entry):
    with pytest.raises(Corrupt):
        decode_entry(encode_entry(entry))
