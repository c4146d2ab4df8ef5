"""The index in memory and in SQLite. Both give the same answers, and nothing is lost without them."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from ctxstore.errors import NotFound
from ctxstore.ids import IdKeys, Kind, ObjectId
from ctxstore.objects.store import ObjectStore
from ctxstore.packs import index as index_module
from ctxstore.packs.index import Index
from ctxstore.packs.index_database import open_database
from ctxstore.packs.location import Location, iter_locations
from ctxstore.packs.reader import read_footer

KEYS = IdKeys()


@pytest.fixture
def in_sqlite(monkeypatch):
    """A limit so low that all but the smallest packs are looked up in SQLite."""
    monkeypatch.setattr(index_module, "IN_MEMORY", 4)


@pytest.fixture
def filled(packs):
    """The tuple (packs, infos, objects) for three packs of 2, 40 and 500 objects."""
    infos, objects = [], []
    for size in (2, 40, 500):
        pack, written = packs.write([b"%d of %d" % (i, size) for i in range(size)], size=700)
        infos.append(pack.info)
        objects += written
    return packs, infos, objects


def open_index(packs, folder="cache"):
    folder = packs.storage.cache_folder() if folder == "cache" else folder
    return Index(folder, lambda pack: read_footer(packs.storage, pack))


def cache_of(packs):
    return Path(packs.storage.cache_folder(), "index.sqlite")


def all_locations(packs, infos, objects, folder="cache"):
    index = open_index(packs, folder)
    index.refresh(infos)
    try:
        return {id: index.find(id) for _, id, _ in objects}
    finally:
        index.close()


def test_memory_and_sqlite_agree_on_every_object(filled, monkeypatch):
    packs, infos, objects = filled
    expected = {
        id: location for info in infos for id, location in iter_locations(info.name, read_footer(packs.storage, info))
    }
    assert len(expected) == len(objects)
    for limit in (1 << 16, 100, 4, 0):
        monkeypatch.setattr(index_module, "IN_MEMORY", limit)
        assert all_locations(packs, infos, objects) == expected
        assert all_locations(packs, infos, objects, folder=None) == expected
    assert stat.S_IMODE(os.stat(cache_of(packs)).st_mode) == 0o600


def test_a_location_leads_to_the_object(filled):
    packs, infos, objects = filled
    store = ObjectStore(packs.storage, KEYS)
    store.refresh(infos)
    for kind, id, data in objects:
        assert store.get(id, kind) == data
        assert store.index.find_pack(id) == store.index.find(id).pack
    assert store.index.find(b"?" * 32) is None
    assert store.index.find_pack(b"?" * 32) is None


def test_a_small_repository_has_no_database(filled):
    packs, infos, objects = filled
    all_locations(packs, infos, objects)
    assert not os.path.exists(cache_of(packs))


def test_a_second_run_reads_no_footers_of_packs_in_the_database(filled, in_sqlite):
    packs, infos, objects = filled
    all_locations(packs, infos, objects)
    read = []
    index = Index(packs.storage.cache_folder(), lambda pack: read.append(pack) or read_footer(packs.storage, pack))
    index.refresh(infos)
    assert all(index.find(id) for _, id, _ in objects)
    index.close()
    assert [pack.objects for pack in read] == [2]


def garbage(good):
    return os.urandom(len(good))


def garbage_after_the_header(good):
    return good[:4096] + os.urandom(len(good) - 4096)


def zeros_in_the_tables(good):
    return good[:8192] + bytes(len(good) - 8192)


def cut_to(size):
    def cut(good):
        return good[:size]

    return cut


@pytest.mark.parametrize(
    "damage",
    [garbage, garbage_after_the_header, zeros_in_the_tables, cut_to(0), cut_to(50), cut_to(4096), cut_to(9000)],
    ids=["garbage", "garbage after the header", "zeros", "empty", "part of the header", "one page", "two pages"],
)
def test_a_damaged_cache_is_rebuilt_silently(filled, in_sqlite, damage):
    packs, infos, objects = filled
    expected = all_locations(packs, infos, objects)
    path = cache_of(packs)
    good = path.read_bytes()
    assert len(good) > 12_000
    path.write_bytes(damage(good))
    assert all_locations(packs, infos, objects) == expected
    store = ObjectStore(packs.storage, KEYS)
    store.refresh(infos)
    store.index.compact()
    assert [store.get(id, kind) for kind, id, _ in objects] == [data for _, _, data in objects]
    store.close()


def change_cache(packs, *statements):
    database = sqlite3.connect(cache_of(packs))
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()


@pytest.mark.parametrize("version", [0, 1, 3, 1000])
def test_a_cache_of_another_version_is_rebuilt_silently(filled, in_sqlite, version):
    packs, infos, objects = filled
    expected = all_locations(packs, infos, objects)
    change_cache(packs, "ALTER TABLE objects RENAME TO things", f"PRAGMA user_version = {version}")
    assert all_locations(packs, infos, objects) == expected
    change_cache(packs, "SELECT count(*) FROM objects")


def test_a_cache_that_was_deleted_is_made_anew(filled, in_sqlite):
    packs, infos, objects = filled
    expected = all_locations(packs, infos, objects)
    os.unlink(cache_of(packs))
    assert all_locations(packs, infos, objects) == expected
    assert os.path.exists(cache_of(packs))


def test_without_a_folder_for_the_cache_memory_serves(filled, in_sqlite):
    packs, infos, objects = filled
    expected = all_locations(packs, infos, objects)
    os.unlink(cache_of(packs))
    os.rmdir(packs.storage.cache_folder())
    assert all_locations(packs, infos, objects) == expected
    Path(packs.storage.cache_folder()).write_bytes(b"not a folder")
    assert all_locations(packs, infos, objects) == expected


@pytest.mark.parametrize(
    "lie", ["DELETE FROM objects", "UPDATE objects SET start = start + 1", "UPDATE objects SET frame = frame + 1"]
)
def test_a_cache_that_lies_is_found_out_when_objects_are_read(filled, in_sqlite, lie):
    packs, infos, objects = filled
    all_locations(packs, infos, objects)
    change_cache(packs, lie)
    store = ObjectStore(packs.storage, KEYS)
    store.refresh(infos)
    assert [store.get(id, kind) for kind, id, _ in objects] == [data for _, _, data in objects]
    store.close()


@pytest.mark.parametrize("number", ["'x'", "NULL"])
def test_a_cache_whose_counts_are_no_numbers_does_not_fail_a_collection(filled, in_sqlite, number):
    packs, infos, objects = filled
    expected = all_locations(packs, infos, objects)
    change_cache(packs, f"UPDATE packs SET count = {number}")
    index = open_index(packs)
    index.refresh(infos)
    index.compact()
    index.close()
    assert all_locations(packs, infos, objects) == expected


def test_a_damaged_cache_that_can_not_be_removed_is_done_without(filled, in_sqlite):
    packs, infos, objects = filled
    cache_of(packs).mkdir(parents=True)
    store = ObjectStore(packs.storage, KEYS)
    store.refresh(infos)
    store.index.forget_cache()
    assert [store.get(id, kind) for kind, id, _ in objects] == [data for _, _, data in objects]
    with pytest.raises(NotFound):
        store.get(ObjectId(bytes(32)), Kind.CHUNK)
    store.close()


@pytest.mark.parametrize("limit", [1 << 16, 4])
def test_objects_of_packs_that_are_not_live_are_not_there(filled, monkeypatch, limit):
    monkeypatch.setattr(index_module, "IN_MEMORY", limit)
    packs, infos, objects = filled
    all_locations(packs, infos, objects)
    for live in ([], infos[:1], infos[1:], infos[2:], infos):
        names = {info.name for info in live}
        found = all_locations(packs, live, objects)
        assert {location.pack for location in found.values() if location} == names
        assert sum(location is not None for location in found.values()) == sum(info.objects for info in live)


@pytest.mark.parametrize("limit", [1 << 16, 4])
def test_one_index_follows_packs_that_come_and_go(filled, monkeypatch, limit):
    monkeypatch.setattr(index_module, "IN_MEMORY", limit)
    packs, infos, objects = filled
    index = open_index(packs)
    for live in (infos, [], infos[:2], infos[2:], infos[:1], infos):
        index.refresh(live)
        found = [index.find(id) for _, id, _ in objects]
        assert {location.pack for location in found if location} == {info.name for info in live}
    index.close()
    assert index.find(objects[-1][1]).pack == infos[-1].name
    index.close()


def test_an_object_in_two_packs_is_found_while_either_lives(packs, in_sqlite):
    first, objects = packs.write([b"%d" % i for i in range(20)])
    second, _ = packs.write([b"%d" % i for i in range(20)])
    for live in ([first.info], [second.info]):
        found = all_locations(packs, live, objects)
        assert {location.pack for location in found.values()} == {live[0].name}
    assert all(all_locations(packs, [first.info, second.info], objects).values())


@pytest.mark.parametrize("limit", [1 << 16, 4])
def test_a_writer_s_pack_counts_until_it_is_released_unless_the_root_lists_it(filled, monkeypatch, limit):
    monkeypatch.setattr(index_module, "IN_MEMORY", limit)
    packs, infos, _ = filled
    own, written = packs.write([b"own %d" % i for i in range(30)])
    index = open_index(packs)
    index.refresh(infos)
    index.add(own.info, own.footer)
    index.refresh(infos[1:])
    assert isinstance(index.find(written[0][1]), Location)
    index.release([own.info], infos)
    assert index.find(written[0][1]) is None
    index.refresh([*infos, own.info])
    assert index.find(written[0][1]).pack == own.info.name
    index.close()


def test_a_cache_of_mostly_dead_packs_is_compacted(filled, in_sqlite):
    packs, infos, objects = filled
    all_locations(packs, infos, objects)
    index = open_index(packs)
    index.refresh(infos[:2])
    index.compact()
    assert sum(index.find(id) is not None for _, id, _ in objects) == 42
    index.close()
    database = sqlite3.connect(cache_of(packs))
    assert database.execute("SELECT count(*) FROM objects").fetchone()[0] <= 42
    database.close()


def test_a_cache_that_is_locked_by_another_process_does_not_fail_a_writer(filled, in_sqlite, monkeypatch):
    packs, infos, objects = filled
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.01}))
    all_locations(packs, infos[:2], objects)
    holder = connect(cache_of(packs), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        found = all_locations(packs, infos, objects)
    finally:
        holder.close()
    assert all(found.values())


def test_kinds_are_kept_in_both_places(filled, monkeypatch):
    packs, infos, objects = filled
    for limit in (1 << 16, 4):
        monkeypatch.setattr(index_module, "IN_MEMORY", limit)
        found = all_locations(packs, infos, objects)
        assert all(Kind(found[id].kind) == kind for kind, id, _ in objects)


def test_a_writer_keeps_nothing_beside_a_cache_that_others_may_have_made_anew(filled, in_sqlite):
    packs, infos, objects = filled
    all_locations(packs, infos, objects)
    slow = open_database(str(cache_of(packs)))
    open_index(packs).forget_cache()
    slow.execute("BEGIN IMMEDIATE")
    slow.execute("DELETE FROM objects")
    all_locations(packs, infos, objects)
    assert [path.name for path in cache_of(packs).parent.iterdir()] == ["index.sqlite"]
    slow.rollback()
    slow.close()


def test_a_cache_that_breaks_while_a_writer_has_it_open_does_not_fail_the_writer(filled, in_sqlite):
    packs, infos, objects = filled
    index = open_index(packs)
    index.refresh(infos)
    assert all(index.find(id) for _, id, _ in objects)
    change_cache(packs, "DROP TABLE packs", "DROP TABLE objects")
    new, written = packs.write([b"new %d" % i for i in range(50)])
    index.add(new.info, new.footer)
    assert all(index.find(id) for _, id, _ in objects + written)
    index.close()
