"""Small packs. They are merged tier by tier, and merged packs contain all their objects."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxstore.errors import Corrupt
from ctxstore.ids import IdKeys, Kind
from ctxstore.objects.store import ObjectStore
from ctxstore.packs.compact import BUDGET, FAN, SMALLEST, TIERS, copy_objects, merge, once, plan_merge, tier_of
from ctxstore.packs.location import iter_locations
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import FrameReader, frame_objects, read_footer
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.memory import MemoryStorage
from ctxstore.storage.protocol import Storage

KEYS = IdKeys()
KIB = 1 << 10


def info(number, size):
    return PackInfo(f"00000000-{number:032x}", size, 100, 1, size)


def merged(storage: Storage, infos):
    writer = PackWriter(storage, 1)
    merge(storage, infos, writer)
    packs = writer.flush()
    writer.close()
    return packs


@pytest.mark.parametrize(
    ("size", "tier"),
    [
        (0, 0),
        (32 * KIB - 1, 0),
        (32 * KIB, 1),
        (256 * KIB - 1, 1),
        (256 * KIB, 2),
        (2048 * KIB - 1, 2),
        (2048 * KIB, None),
        (1 << 40, None),
    ],
)
def test_tiers_grow_eightfold(size, tier):
    assert (SMALLEST, FAN, TIERS) == (32 * KIB, 8, 3)
    assert tier_of(size) == tier


def test_seven_packs_of_a_tier_stay_and_eight_are_merged():
    small = [info(i, 1000) for i in range(8)]
    assert plan_merge([]) == []
    assert plan_merge(small[:7]) == []
    assert plan_merge(small) == small
    assert plan_merge([*small, info(8, 1000)]) == [*small, info(8, 1000)]


def test_the_lowest_full_tier_is_merged_and_others_are_left_alone():
    large = [info(i, 3000 * KIB) for i in range(20)]
    middle = [info(20 + i, 100 * KIB) for i in range(8)]
    small = [info(40 + i, KIB) for i in range(7)]
    mixed = [*large[:10], *small[:3], *middle, *large[10:], *small[3:]]
    assert plan_merge(mixed) == middle
    assert plan_merge([*mixed, info(50, KIB)]) == [*small, info(50, KIB)]
    assert plan_merge(large) == []


def test_a_pack_for_every_turn_of_a_year_leaves_few_packs():
    packs = []
    for turn in range(20_000):
        packs.append(info(turn, 3 * KIB))
        sources = plan_merge(packs)
        if sources:
            packs = [pack for pack in packs if pack not in sources]
            packs.append(info(turn + 10**6, sum(pack.size for pack in sources)))
    assert len(packs) < 3 * FAN + 20_000 * 3 * KIB / (2048 * KIB)


@given(st.lists(st.lists(st.binary(max_size=40), max_size=12), min_size=1, max_size=6))
@settings(deadline=None)
def test_a_merged_pack_holds_every_object_of_its_sources_once(contents):
    storage = MemoryStorage()
    infos, objects = [], {}
    for datas in contents:
        writer = PackWriter(storage, 0)
        store = ObjectStore(storage, KEYS)
        for data in dict.fromkeys(datas):
            kind = Kind.CHUNK if len(data) % 2 else Kind.NODE
            id = store.keys.id_of(kind, data)
            objects[id] = (kind, data)
            writer.add(kind, id, data, kind.is_data)
        infos += writer.flush()
    packs = merged(storage, infos)
    assert sum(pack.objects for pack in packs) == len(objects)
    for pack in infos:
        storage.delete(pack.key)
    store = ObjectStore(storage, KEYS)
    store.refresh(packs)
    assert all(store.get(id, kind) == data for id, (kind, data) in objects.items())


def test_only_what_is_live_is_copied_when_told(packs):
    pack, written = packs.write([b"%d" % i for i in range(100)], size=60)
    live = {id for i, (_, id, _) in enumerate(written) if i % 4 == 0}
    writer = PackWriter(packs.storage, 0)
    is_new = once()
    is_new(written[0][1])
    copy_objects(packs.storage, pack.info, pack.footer, writer, lambda id: id in live and is_new(id))
    (copied,) = writer.flush()
    writer.close()
    footer = read_footer(packs.storage, copied)
    assert {id for id, _ in iter_locations("", footer)} == live - {written[0][1]}


def test_a_damaged_source_stops_the_merge(memory_packs):
    pack, _ = memory_packs.write([b"some text " * 10])
    data = bytearray(memory_packs.storage.get(pack.info.key))
    data[50] ^= 1
    storage = MemoryStorage()
    storage.put(pack.info.key, bytes(data))
    with pytest.raises(Corrupt):
        merged(storage, [pack.info])


def test_frames_can_be_read_by_their_own_descriptor(packs):
    pack, written = packs.write([b"%d" % i for i in range(30)], size=40)
    found = [
        (kind, bytes(data))
        for frame in read_footer(packs.storage, pack.info).frames
        for kind, data in frame_objects(packs.storage, pack.info, frame)
    ]
    assert sorted(found) == sorted((kind, data) for kind, _, data in written)


def test_a_reader_keeps_the_frames_read_last(packs):
    pack, _ = packs.write([b"%04d" % i * 10 for i in range(3 * 20)], size=100)
    reads = []
    get = packs.storage.get
    packs.storage.get = lambda *arguments: reads.append(arguments) or get(*arguments)
    reader = FrameReader(packs.storage, capacity=400)
    frames = pack.footer.frames[:6]
    for frame in (*frames, frames[-1], frames[-2], frames[0]):
        raw = reader.raw(pack.info.name, frame.offset, frame.stored)
        assert len(raw) == frame.raw
    assert len(reads) == 7


def test_one_command_merges_no_more_than_its_budget():
    large = [info(i, 1 << 20)._replace(raw=BUDGET // 4) for i in range(8)]
    assert plan_merge(large) == large[:4]
    alone = [info(i, 1 << 20)._replace(raw=BUDGET) for i in range(8)]
    assert plan_merge(alone) == []
    small = [info(i, 100 * KIB) for i in range(10, 18)]
    assert plan_merge([*alone, *small]) == small
