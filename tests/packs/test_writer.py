"""PackWriter: many frames through the compressors, and the results of failures."""

from __future__ import annotations

import os
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import AlreadyExists, Corrupt, StorageError
from ctxstore.ids import IdKeys, Kind
from ctxstore.objects.store import ObjectStore, ObjectWriter
from ctxstore.packs import format as pack_format
from ctxstore.packs import frames, writer
from ctxstore.packs.frames import RECOMPRESS, Settings, split_frame, unpack_frame
from ctxstore.packs.names import epoch_of
from ctxstore.packs.reader import read_footer
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.memory import MemoryStorage

KEYS = IdKeys()


def contents(storage, infos):
    """Lists (kind, id, data) of all objects, by the frames' own descriptors and the footers' ids."""
    found = []
    for info in infos:
        footer = read_footer(storage, info)
        parts = []
        for frame in footer.frames:
            parts += split_frame(*unpack_frame(storage.get(info.key, frame.offset, frame.stored)))
        ids = [footer.ids[i : i + 32] for i in range(0, len(footer.ids), 32)]
        found += [(kind, id, bytes(data)) for (kind, data), id in zip(parts, ids, strict=True)]
    return found


@given(datas=st.lists(st.binary(max_size=300), max_size=60, unique=True), size=st.integers(1, 2000))
@settings(deadline=None, max_examples=40)
def test_everything_added_is_in_the_packs(datas, size):
    storage = MemoryStorage()
    made = PackWriter(storage, 3, settings=Settings(size=size))
    objects = [(kind, KEYS.id_of(kind, data), data) for data in datas for kind in (Kind.CHUNK, Kind.NODE)]
    for kind, id, data in objects:
        made.add(kind, id, data, kind.is_data)
    assert made.is_empty == (not objects)
    infos = made.flush()
    made.close()
    assert made.is_empty
    assert sorted(contents(storage, infos)) == sorted(objects)
    assert sum(info.objects for info in infos) == len(objects)
    assert sum(info.raw for info in infos) == made.raw_bytes == 2 * sum(map(len, datas))


def test_thousands_of_frames_go_through_the_compressors_in_order(packs):
    datas = [b"%06d" % i * 20 for i in range(6000)]
    pack, written = packs.write(datas, size=500)
    assert len(pack.footer.frames) > 1000
    found = contents(packs.storage, [pack.info])
    assert sorted(found) == sorted(written)
    for is_data in (True, False):
        expected = [made for made in written if Kind(made[0]).is_data == is_data]
        assert [made for made in found if Kind(made[0]).is_data == is_data] == expected


def test_content_and_structure_of_a_large_pack_are_in_different_frames(packs):
    pack, _ = packs.write([b"%d" % i * 500 for i in range(60)], size=2000)
    at = 0
    for frame in pack.footer.frames:
        kinds = pack.footer.kinds[at : at + frame.objects]
        assert all(Kind(kind).is_data == frame.is_data for kind in kinds)
        at += frame.objects


def test_a_long_run_is_spread_over_packs_of_its_epoch(packs, monkeypatch):
    monkeypatch.setattr(writer, "PACK_TARGET", 2000)
    made, written = packs.write_all([os.urandom(300) for _ in range(60)], size=600, epoch=7)
    assert len(made) > 3
    assert {epoch_of(pack.info.name) for pack in made} == {7}
    assert len({pack.info.name for pack in made}) == len(made)
    assert sorted(contents(packs.storage, [pack.info for pack in made])) == sorted(written)


def test_a_pack_lists_no_more_objects_than_a_reader_accepts(packs, monkeypatch):
    monkeypatch.setattr(pack_format, "MAX_OBJECTS", 64)
    monkeypatch.setattr(writer, "FRAME_OBJECTS", 16)
    monkeypatch.setattr(writer, "PACK_OBJECTS", 32)
    made, written = packs.write_all([b"%d" % i for i in range(500)])
    assert sorted(contents(packs.storage, [pack.info for pack in made])) == sorted(written)


def test_the_caps_leave_room_for_the_largest_pack():
    assert writer.PACK_OBJECTS + 2 * writer.FRAME_OBJECTS <= pack_format.MAX_OBJECTS
    # 32 bytes of id, one of kind, at most five of length, and a frame's entry
    assert (writer.PACK_OBJECTS + 2 * writer.FRAME_OBJECTS) * 60 <= pack_format.MAX_FOOTER


def test_the_largest_object_is_read_back_from_whatever_frame_it_came_to():
    storage = MemoryStorage()
    made = PackWriter(storage, 0, settings=RECOMPRESS._replace(level=1, long=False))
    small, large = bytes(RECOMPRESS.size - 1), bytes(pack_format.MAX_OBJECT)
    made.add(Kind.CHUNK, b"s" * 32, small, True)
    made.add(Kind.CHUNK, b"l" * 32, large, True)
    infos = made.flush()
    made.close()
    assert [(id[:1], data == (small if id[:1] == b"s" else large)) for _, id, data in contents(storage, infos)] == [
        (b"s", True),
        (b"l", True),
    ]


def test_objects_on_their_way_can_be_read_while_the_compressors_run():
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    storage = MemoryStorage()
    store = ObjectStore(storage, KEYS)
    packer = PackWriter(
        storage, 0, settings=Settings(size=100_000), on_pack=lambda pack: store.index.add(pack.info, pack.footer)
    )
    puts = ObjectWriter(store, packer)
    try:
        for i in range(1500):
            data = os.urandom(500)
            id = puts.put(Kind.CHUNK, data)
            if i % 7 == 0:
                assert puts.get(id, Kind.CHUNK) == data
        assert len(packer.flush()) >= 1
    finally:
        packer.close()
        sys.setswitchinterval(interval)


def test_a_compressor_that_gives_back_something_else_is_noticed(packs, monkeypatch):
    monkeypatch.setattr(frames, "_round_trips", lambda *_: False)
    with pytest.raises(Corrupt, match="zstd"):
        packs.write([b"a" * 1000])


class Full(MemoryStorage):
    """A storage without room after so many writes."""

    def __init__(self, writes):
        super().__init__()
        self.writes = writes

    def create(self, key):
        manager = super().create(key)
        outer = self

        class Sink:
            def __init__(self, sink):
                self.sink = sink

            def write(self, data):
                outer.writes -= 1
                if outer.writes < 0:
                    raise StorageError("no space")
                self.sink.write(data)

        class Manager:
            def __enter__(self):
                return Sink(manager.__enter__())

            def __exit__(self, *exc):
                return manager.__exit__(*exc)

        return Manager()


def test_a_storage_that_fails_leaves_no_complete_pack_and_no_thread():
    storage = Full(0)
    made = PackWriter(storage, 0, settings=Settings(size=1000))
    with pytest.raises(StorageError):
        for i in range(100):
            made.add(Kind.CHUNK, b"%032d" % i, os.urandom(500), True)
        made.flush()
    made.close()
    assert list(storage.list("packs")) == []
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ctxstore-compress")]


def test_what_was_abandoned_is_no_pack(memory_packs):
    made = PackWriter(memory_packs.storage, 0, settings=Settings(size=100))
    for i in range(50):
        made.add(Kind.CHUNK, b"%032d" % i, os.urandom(60), True)
    made.abandon()
    made.abandon()
    assert list(memory_packs.storage.list("packs")) == []


def test_a_name_is_never_used_twice(memory_packs):
    memory_packs.random = bytes
    memory_packs.write([b"a"])
    with pytest.raises(AlreadyExists):
        memory_packs.write([b"b"])
