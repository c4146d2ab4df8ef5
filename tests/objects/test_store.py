"""Objects: they are written once, read with their hash checked, and found at every stage of a write."""

from __future__ import annotations

import os

import pytest

from ctxstore.errors import Corrupt, InvalidInput, NotFound
from ctxstore.ids import IdKeys, Kind
from ctxstore.objects.store import ObjectStore, ObjectWriter
from ctxstore.packs.frames import Settings
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.memory import MemoryStorage

KEYS = IdKeys()


class Kept:
    """A store and a writer on one storage."""

    def __init__(self, storage=None, size=4 << 20):
        self.storage = storage or MemoryStorage()
        self.store = ObjectStore(self.storage, KEYS)
        self.packer = PackWriter(
            self.storage,
            0,
            settings=Settings(size=size),
            on_pack=lambda pack: self.store.index.add(pack.info, pack.footer),
        )
        self.writer = ObjectWriter(self.store, self.packer)


def test_an_object_put_twice_is_stored_once():
    kept = Kept()
    assert kept.writer.put(Kind.CHUNK, b"x") == kept.writer.put(Kind.CHUNK, b"x")
    (pack,) = kept.writer.flush()
    kept.writer.put(Kind.CHUNK, b"x")
    assert kept.writer.flush() == []
    assert pack.objects == 1


def test_the_same_bytes_of_two_kinds_are_two_objects():
    kept = Kept()
    ids = {kept.writer.put(kind, b"x") for kind in Kind}
    assert len(ids) == len(Kind)
    kept.writer.flush()
    for kind in Kind:
        assert kept.store.get(KEYS.id_of(kind, b"x"), kind) == b"x"
    with pytest.raises(Corrupt):
        kept.store.get(KEYS.id_of(Kind.CHUNK, b"x"), Kind.NODE)


@pytest.mark.parametrize("kind", [Kind.CHUNK, Kind.NODE])
def test_a_writer_reads_everything_it_put_however_far_it_got(kind):
    kept = Kept(size=1000)
    datas = [os.urandom(100) for _ in range(300)]
    ids = [kept.writer.put(kind, data) for data in datas]
    assert [kept.writer.get(id, kind) for id in ids] == datas
    packs = kept.writer.flush()
    assert sum(pack.objects for pack in packs) == 300
    assert [kept.writer.get(id, kind) for id in ids] == datas


def test_what_was_never_put_is_not_found():
    kept = Kept()
    for getter in (kept.store, kept.writer):
        with pytest.raises(NotFound):
            getter.get(KEYS.id_of(Kind.CHUNK, b"none"), Kind.CHUNK)
    assert not kept.store.has(KEYS.id_of(Kind.CHUNK, b"none"))


def test_an_object_that_is_not_what_its_id_says_is_corrupt():
    kept = Kept()
    id = KEYS.id_of(Kind.CHUNK, b"right")
    kept.writer.add(Kind.CHUNK, id, b"wrong")
    kept.writer.flush()
    with pytest.raises(Corrupt, match="damaged"):
        kept.store.get(id, Kind.CHUNK)


def test_a_reader_that_misses_a_pack_looks_once_whether_the_root_moved():
    kept = Kept()
    id = kept.writer.put(Kind.CHUNK, b"x")
    (old,) = kept.writer.flush()
    other = Kept(kept.storage)
    other.writer.put(Kind.CHUNK, b"x")
    (new,) = other.writer.flush()

    reader = ObjectStore(kept.storage, KEYS)
    reader.refresh([old])
    assert reader.has(id)
    kept.storage.delete(old.key)
    with pytest.raises(NotFound):
        reader.get(id, Kind.CHUNK)
    asked = []

    def move():
        asked.append(1)
        reader.refresh([new])
        return True

    reader.on_missing = move
    assert reader.get(id, Kind.CHUNK) == b"x"
    assert asked == [1]


def test_objects_of_lost_packs_are_those_no_other_live_pack_holds():
    kept = Kept()
    only, twice = (kept.writer.put(Kind.CHUNK, data) for data in (b"only", b"twice"))
    (first,) = kept.writer.flush()
    other = Kept(kept.storage)
    other.writer.put(Kind.CHUNK, b"twice")
    (second,) = other.writer.flush()

    writer = Kept(kept.storage)
    writer.store.refresh([first, second])
    assert writer.writer.has(only)
    assert writer.writer.has(twice)
    assert writer.writer.lost_objects({first.name, second.name}) == []
    writer.store.refresh([second])
    assert writer.writer.lost_objects({second.name}) == [only]


def test_ids_of_one_kind_under_another_key_differ():
    assert IdKeys(b"k" * 32).id_of(Kind.CHUNK, b"x") != KEYS.id_of(Kind.CHUNK, b"x")
    assert IdKeys(b"k" * 32).boundary != KEYS.boundary


def two_copies():
    """Writes an object into two packs, and returns (kept, its id, the packs)."""
    kept = Kept()
    id = kept.writer.put(Kind.CHUNK, b"x" * 1000)
    packs = kept.writer.flush()
    kept.packer.add(Kind.CHUNK, id, b"x" * 1000, True)
    packs += kept.packer.flush()
    return kept, id, packs


def damage(storage, pack):
    data = bytearray(storage.get(pack.key))
    data[40] ^= 1
    storage.delete(pack.key)
    storage.put(pack.key, bytes(data))


@pytest.mark.parametrize("bad", [0, 1])
def test_an_object_in_two_packs_is_read_from_the_sound_one(bad):
    kept, id, packs = two_copies()
    damage(kept.storage, packs[bad])
    assert kept.store.get(id, Kind.CHUNK) == b"x" * 1000
    assert kept.store.get(id, Kind.CHUNK) == b"x" * 1000


def test_an_object_that_is_damaged_everywhere_is_corrupt_every_time():
    kept, id, packs = two_copies()
    for pack in packs:
        damage(kept.storage, pack)
    for _ in range(2):
        with pytest.raises(Corrupt):
            kept.store.get(id, Kind.CHUNK)


def test_what_was_found_damaged_is_not_relied_upon_but_written_once_more():
    kept, id, packs = two_copies()
    assert kept.writer.has(id)
    for pack in packs:
        damage(kept.storage, pack)
    with pytest.raises(Corrupt):
        kept.store.get(id, Kind.CHUNK)
    assert not kept.writer.has(id)
    assert kept.writer.put(Kind.CHUNK, b"x" * 1000) == id
    assert len(kept.writer.flush()) == 1
    assert kept.store.get(id, Kind.CHUNK) == b"x" * 1000


def test_an_object_that_is_too_large_is_refused_before_it_is_written(monkeypatch):
    monkeypatch.setattr("ctxstore.objects.store.MAX_OBJECT", 100)
    kept = Kept()
    with pytest.raises(InvalidInput, match="a commit of 101 bytes is over the limit of 100"):
        kept.writer.put(Kind.COMMIT, bytes(101))
    assert kept.writer.flush() == []
