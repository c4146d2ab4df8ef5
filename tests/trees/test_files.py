"""File content: stored, appended to, read in ranges, compared."""

from __future__ import annotations

import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ctxstore.errors import Corrupt, NotFound
from ctxstore.ids import IdKeys, Kind
from ctxstore.objects.chunker import Chunker, ChunkerSettings
from ctxstore.objects.store import ObjectStore, ObjectWriter
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.memory import MemoryStorage
from ctxstore.trees.entries import FileEntry
from ctxstore.trees.files import (
    NotAppended,
    append_content,
    changed_ranges,
    content_items,
    content_sequence,
    offset_of,
    read_content,
    write_content,
)

CHUNKER = Chunker(ChunkerSettings(average=256, minimum=64, maximum=1024))


def make_writer():
    storage = MemoryStorage()
    store = ObjectStore(storage, IdKeys())
    packer = PackWriter(storage, 0, on_pack=lambda pack: store.index.add(pack.info, pack.footer))
    return ObjectWriter(store, packer)


def entry_of(content):
    return FileEntry(0o644, 0, content.size, content.is_list, content.id)


def write(writer, data):
    return write_content(writer, CHUNKER, [data])


def blocks_of(data, size):
    return [data[i : i + size] for i in range(0, len(data), size)]


def lines(seed, size):
    return b"".join(b"%d\n" % random.Random(f"{seed} {i}").randrange(10 ** (i % 90 + 1)) for i in range(size))


datas = st.one_of(
    st.binary(max_size=200),
    st.builds(lambda seed, size: random.Random(seed).randbytes(size), st.integers(0, 30), st.integers(0, 9000)),
    st.builds(lines, st.integers(0, 30), st.integers(0, 150)),
    st.builds(lambda size: b"\n" * size, st.integers(0, 4000)),
)
sizes = st.sampled_from([7, 64, 1000, 1 << 20])


@given(old=datas, tail=datas, size=sizes)
@settings(deadline=None, max_examples=200)
def test_appended_content_is_what_writing_it_from_scratch_gives(old, tail, size):
    assume(old)
    writer = make_writer()
    before = entry_of(write(writer, old))
    appended = append_content(writer, CHUNKER, before, blocks_of(old + tail, size), None)
    assert appended == write(make_writer(), old + tail)
    assert b"".join(read_content(writer, entry_of(appended))) == old + tail


@given(old=datas, tail=datas, size=sizes)
@settings(deadline=None)
def test_the_new_bytes_are_told_when_they_start_a_line(old, tail, size):
    assume(old)
    writer, new = make_writer(), []
    before = entry_of(write(writer, old))
    if old.endswith(b"\n"):
        appended = append_content(writer, CHUNKER, before, blocks_of(old + tail, size), new.append)
        assert b"".join(new) == tail
        assert appended == write(make_writer(), old + tail)
    else:
        with pytest.raises(NotAppended):
            append_content(writer, CHUNKER, before, blocks_of(old + tail, size), new.append)
        assert new == []


@given(old=datas, tail=datas, size=sizes, at=st.integers(0, 10_000))
@settings(deadline=None)
def test_content_of_which_an_old_byte_changed_is_not_appended(old, tail, size, at):
    assume(old)
    writer = make_writer()
    before = entry_of(write(writer, old))
    changed = bytearray(old + tail)
    changed[at % len(old)] ^= 1
    with pytest.raises(NotAppended):
        append_content(writer, CHUNKER, before, blocks_of(bytes(changed), size), None)


@given(old=datas, size=sizes, at=st.integers(0, 10_000))
@settings(deadline=None)
def test_content_that_is_shorter_is_not_appended(old, size, at):
    assume(old)
    writer = make_writer()
    before = entry_of(write(writer, old))
    with pytest.raises(NotAppended):
        append_content(writer, CHUNKER, before, blocks_of(old[: at % len(old)], size), None)


def test_nothing_cannot_be_appended_to():
    with pytest.raises(NotAppended):
        append_content(make_writer(), CHUNKER, FileEntry(0o644, 0, 0, False, None), [b"x"], None)


def test_many_appends_in_a_row_are_what_one_write_gives():
    writer, whole = make_writer(), b""
    entry = None
    for i in range(60):
        whole += lines(i, 7)
        content = append_content(writer, CHUNKER, entry, [whole], None) if entry else write(writer, whole)
        entry = entry_of(content)
        assert content == write(make_writer(), whole)


def test_content_is_nothing_a_chunk_or_a_list():
    writer = make_writer()
    assert write(writer, b"") == (0, False, None)
    assert write_content(writer, CHUNKER, []) == (0, False, None)
    assert write(writer, b"x" * 64) == (64, False, writer.keys.id_of(Kind.CHUNK, b"x" * 64))
    assert write(writer, random.Random(1).randbytes(3000)).is_list


def test_appending_writes_little():
    writer = make_writer()
    data = random.Random(1).randbytes(300_000)
    entry = entry_of(write(writer, data))
    before = writer._packer.raw_bytes
    append_content(writer, CHUNKER, entry, [data + b"a line\n"], None)
    assert writer._packer.raw_bytes - before < 8000


@given(data=datas, start=st.integers(0, 10_000), stop=st.none() | st.integers(0, 12_000))
@settings(deadline=None)
def test_a_range_of_content_is_that_slice(data, start, stop):
    writer = make_writer()
    entry = entry_of(write(writer, data))
    expected = data[start:] if stop is None else data[start : max(start, stop)]
    assert b"".join(read_content(writer, entry, start, stop)) == expected


@given(old=datas, new=datas, keep=st.integers(0, 9000))
@settings(deadline=None)
def test_outside_of_the_changed_ranges_content_is_the_same(old, new, keep):
    new = old[:keep] + new + old[keep:]
    writer = make_writer()
    a, b = entry_of(write(writer, old)), entry_of(write(writer, new))
    rebuilt, position = b"", 0
    for found in changed_ranges(writer, a, b):
        rebuilt += old[position : found.old_start] + new[found.new_start : found.new_stop]
        position = found.old_stop
    assert rebuilt + old[position:] == new
    if old == new:
        assert changed_ranges(writer, a, b) == []


def test_the_offset_of_a_chunk_is_the_size_of_those_before_it():
    writer = make_writer()
    entry = entry_of(write(writer, random.Random(3).randbytes(100_000)))
    sequence, items = content_sequence(writer, entry), content_items(writer, entry)
    offset = 0
    for position, item in enumerate(items):
        assert offset_of(sequence, position) == offset
        offset += item[0]
    assert offset_of(sequence, len(items)) == offset == 100_000


def test_an_entry_that_claims_too_much_or_is_lost_is_told():
    writer = make_writer()
    content = write(writer, b"some text")
    with pytest.raises(Corrupt):
        b"".join(read_content(writer, entry_of(content._replace(size=10))))
    with pytest.raises(NotFound):
        b"".join(read_content(writer, entry_of(content._replace(id=b"?" * 32))))
    listed = write(writer, random.Random(1).randbytes(3000))
    with pytest.raises(Corrupt):
        b"".join(read_content(writer, entry_of(listed._replace(size=3001))))
