"""Packs of a repository, merged within ordinary commits. Many packs are listed in manifests."""

from __future__ import annotations

import pytest

from ctxstore.errors import NotFound, StorageError
from ctxstore.history import root as root_module
from ctxstore.history import transaction as transaction_module
from ctxstore.ops.gc.collect import collect


def no_merging(monkeypatch):
    monkeypatch.setattr(transaction_module, "plan_merge", lambda packs: [])


def test_eight_small_packs_become_one_inside_an_ordinary_commit(world):
    engine = world.open()
    for i in range(50):
        world.commit(engine, "a/b", f"{i}" * 40)
        assert len(engine.live_packs()) < 8
        assert world.files() == world.live()
    assert [world.text(engine, id) for id in history(world, engine)] == [f"{i}" * 40 for i in range(49, -1, -1)]
    world.assert_sound()


def history(world, engine):
    id = engine.refs(engine.root()).find("a/b")
    while id:
        yield id
        id = next(iter(world.read(engine, id).parents), None)


def test_merged_packs_stay_as_files_while_another_writer_is_present(world):
    engine = world.open()
    with world.storage.presence():
        for i in range(12):
            world.commit(engine, "a/b", f"{i}")
        assert len(world.live()) < 8 < len(world.files())
    collect(world.open())
    assert world.files() == world.live()
    world.assert_sound()


def test_a_reader_that_holds_the_old_root_reads_on_after_a_merge(world):
    engine = world.open()
    ids = [world.commit(engine, "a/b", f"{i}") for i in range(6)]
    reader = world.open()
    reader.root()
    for i in range(12):
        world.commit(engine, "a/c", f"{i}")
    assert [world.text(reader, id) for id in ids] == [f"{i}" for i in range(6)]


def test_a_merge_whose_swap_was_lost_is_swapped_in_with_the_next_one(world, around):
    engine, other = world.open(around), world.open()
    for i in range(6):
        world.commit(world.open(), "a/b", f"{i}")
    around.before = [lambda: world.commit(other, "a/other", "theirs")]
    world.commit(engine, "a/b", "last")
    assert world.texts("a/b", "a/other") == ["last", "theirs"]
    assert len(world.live()) < 8
    world.assert_sound()


def test_a_damaged_pack_is_left_alone_and_does_not_stop_commits(world):
    other = world.open()
    pack = world.add_pack(other, b"some text " * 30)
    data = bytearray(world.storage.get(pack.key))
    for place in (12, 13, 40):  # codec, key generation, payload
        damaged = bytearray(data)
        damaged[place] ^= 0x40
        world.storage.delete(pack.key)
        world.storage.put(pack.key, bytes(damaged))
        for i in range(10):
            world.commit(world.open(), "a/b", f"{place} {i}")
        assert world.texts("a/b") == [f"{place} 9"]
        assert pack.name in world.live()


def test_a_commit_whose_merged_packs_cannot_be_deleted_succeeded(world):
    class Undeleting:
        def __init__(self, storage):
            self._storage = storage

        def __getattr__(self, name):
            return getattr(self._storage, name)

        def delete(self, key):
            raise StorageError("read-only")

    engine = world.open(Undeleting(world.storage))
    for i in range(10):
        world.commit(engine, "a/b", f"{i}")
    assert world.texts("a/b") == ["9"]
    assert world.live() < world.files()


def test_many_packs_are_listed_in_a_manifest(world, monkeypatch):
    no_merging(monkeypatch)
    monkeypatch.setattr(root_module, "INLINE_PACKS", 6)
    monkeypatch.setattr(root_module, "RECENT_PACKS", 2)
    engine, other = world.open(), world.open()
    names = list(engine.roots.packs(engine.root()))
    for i in range(30):
        world.commit((engine, other)[i % 2], f"a/{i}", f"{i}")
        root = world.open().root()
        listed = world.open().roots.packs(root)
        assert len(listed) == i + 2
        assert listed[: len(names)] == tuple(names)
        names = list(listed)
        assert len(root.packs) <= 6
        assert (root.manifest is None) == (i < 5)
    assert world.texts(*(f"a/{i}" for i in range(30))) == [f"{i}" for i in range(30)]
    world.assert_sound()
    collect(world.open())
    assert world.files("manifests") == {world.open().root().manifest}
    world.assert_sound()


def test_a_manifest_that_is_replaced_while_it_is_looked_for_is_no_failure(world, monkeypatch):
    no_merging(monkeypatch)
    monkeypatch.setattr(root_module, "INLINE_PACKS", 3)
    monkeypatch.setattr(root_module, "RECENT_PACKS", 1)
    engine = world.open()
    for i in range(6):
        world.commit(engine, "a/b", f"{i}")

    class Late:
        """A reader of the root that reads everything else only after others have written."""

        def __init__(self, storage):
            self._storage = storage

        def __getattr__(self, name):
            return getattr(self._storage, name)

        def read_root(self):
            data = self._storage.read_root()
            if others:
                others.pop()()
            return data

    def replace():
        for i in range(6):
            world.commit(engine, "a/b", f"later {i}")
        collect(engine)

    others = [replace]
    late = world.open(Late(world.storage))
    assert late.root() == engine.root()


def test_a_manifest_that_is_really_gone_is_not_found(world, monkeypatch):
    no_merging(monkeypatch)
    monkeypatch.setattr(root_module, "INLINE_PACKS", 3)
    engine = world.open()
    for i in range(6):
        world.commit(engine, "a/b", f"{i}")
    for name in world.files("manifests"):
        world.storage.delete(f"manifests/{name}")
    with pytest.raises(NotFound):
        world.open().root()
