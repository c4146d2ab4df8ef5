"""The protocol of a transaction: what others do meanwhile never loses what was acknowledged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ctxstore.errors import Conflict, NotFound, RefMoved, StorageError
from ctxstore.history import root as root_module
from ctxstore.history import transaction as transaction_module
from ctxstore.history.oplog import iter_ops
from ctxstore.history.root import EPOCH_NS
from ctxstore.history.transaction import Move, MustRestart, transaction
from ctxstore.ids import Kind
from ctxstore.ops.check import check
from ctxstore.ops.gc import collect


def assert_sound(world):
    assert check(world.open(), read_data=True).problems == ()


def no_merging(monkeypatch):
    monkeypatch.setattr(transaction_module, "plan_merge", lambda packs: [])


def test_what_was_published_is_there_for_everybody(world):
    engine, reader = world.open(), world.open()
    reader.root()
    id = world.commit(engine, "a/b", "one")
    assert reader.refs(reader.root()).find("a/b") == id
    assert world.texts("a/b", "a/c") == ["one", None]
    assert_sound(world)


def test_nothing_is_there_before_it_is_published(world):
    engine = world.open()
    before = world.storage.read_root()
    with pytest.raises(KeyError), transaction(engine) as tx:
        world.write(engine, tx, "a/b", "one")
        tx.writer.flush()
        raise KeyError
    assert world.storage.read_root() == before
    assert world.live() < world.files()
    collect(world.open())
    assert world.live() == world.files()


def test_what_was_not_published_is_not_relied_upon_by_the_next_transaction(world):
    engine = world.open()
    with pytest.raises(KeyError), transaction(engine) as tx:
        world.write(engine, tx, "a/b", "one")
        tx.writer.flush()
        raise KeyError
    world.commit(engine, "a/b", "one")
    collect(world.open())
    assert world.texts("a/b") == ["one"]
    assert_sound(world)


def test_two_writers_on_different_refs_both_succeed(world):
    first, second = world.open(), world.open()
    world.commit(first, "a/one", "1", during=lambda: world.commit(second, "a/two", "2"))
    assert world.texts("a/one", "a/two") == ["1", "2"]
    commands = [op.changes[0].ref for _, op in iter_ops(first.store, first.root().op)]
    assert commands == ["a/one", "a/two"]
    assert_sound(world)


def test_the_second_of_two_writers_on_one_ref_is_told(world):
    first, second = world.open(), world.open()
    old = world.commit(first, "a/b", "old")
    theirs = []
    with pytest.raises(RefMoved) as raised:
        world.commit(first, "a/b", "ours", during=lambda: theirs.append(world.commit(second, "a/b", "theirs")))
    assert (raised.value.ref, raised.value.expected, raised.value.actual) == ("a/b", old, theirs[0])
    assert world.texts("a/b") == ["theirs"]
    assert_sound(world)


def test_a_rebase_puts_the_second_commit_on_top_of_the_first(world):
    first, second = world.open(), world.open()
    with transaction(first) as tx:
        ours = world.write(first, tx, "a/b", "ours")
        theirs = world.commit(second, "a/b", "theirs")
        tx.publish([Move("a/b", None, ours, lambda head: world.write(first, tx, "a/b", "ours again", head))], "test")
    assert world.texts("a/b") == ["ours again"]
    head = first.refs(first.root()).find("a/b")
    assert world.read(first, head).parents == (theirs,)
    assert_sound(world)


def test_a_ref_is_removed_and_made_by_compare_and_set(world):
    engine = world.open()
    id = world.commit(engine, "a/b", "one")
    with pytest.raises(RefMoved), transaction(engine) as tx:
        tx.publish([Move("a/b", None, id)], "test")
    with transaction(engine) as tx:
        tx.publish([Move("a/b", id, None), Move("a/c", None, id)], "test")
    assert world.texts("a/b", "a/c") == [None, "one"]


def test_several_refs_move_together_or_not_at_all(world):
    engine = world.open()
    with pytest.raises(RefMoved), transaction(engine) as tx:
        id = world.write(engine, tx, "a/b", "one")
        tx.publish([Move("a/b", None, id), Move("a/c", id, id)], "test")
    assert world.texts("a/b", "a/c") == [None, None]


def test_a_swap_reported_as_failed_that_succeeded_is_a_success(world, around):
    around.fail_after = 1
    world.commit(world.open(around), "a/b", "one")
    assert world.texts("a/b") == ["one"]
    assert_sound(world)


def test_a_swap_reported_as_failed_is_a_success_even_if_others_went_on_from_it(world, around):
    other = world.open()
    around.after = [lambda: [world.commit(other, "a/other", f"{i}") for i in range(3)]]
    around.fail_after = 1
    engine = world.open(around)
    world.commit(engine, "a/b", "one")
    world.commit(engine, "a/b", "two")
    assert world.texts("a/b", "a/other") == ["two", "2"]
    assert_sound(world)


def test_a_swap_that_failed_is_a_failure_and_changes_nothing(world, around):
    engine = world.open(around)
    world.commit(engine, "a/b", "old")
    before = world.storage.read_root()
    around.fail_before = 1
    with pytest.raises(StorageError):
        world.commit(engine, "a/b", "new")
    assert world.storage.read_root() == before
    assert world.texts("a/b") == ["old"]
    world.commit(engine, "a/b", "newer")
    assert world.texts("a/b") == ["newer"]
    assert_sound(world)


def test_somebody_who_is_always_first_ends_in_a_conflict(world, around):
    around.before = [world.touch_root] * 100
    with pytest.raises(Conflict, match="too many"):
        world.commit(world.open(around), "a/b", "one")
    around.before = [world.touch_root] * 10
    world.commit(world.open(around), "a/b", "two")
    assert world.texts("a/b") == ["two"]


def test_a_relied_upon_pack_that_vanished_makes_the_transaction_start_anew(world, around):
    engine, other = world.open(around), world.open()
    pack = world.add_pack(other, b"relied upon")
    around.before = [lambda: world.drop_pack(other, pack)]
    with pytest.raises(MustRestart), transaction(engine) as tx:
        assert tx.writer.has(engine.keys.id_of(Kind.CHUNK, b"relied upon"))
        tx.publish([Move("a/b", None, world.write(engine, tx, "a/b", "one"))], "test")
    assert world.texts("a/b") == [None]
    assert_sound(world)


def test_a_relied_upon_object_may_be_in_another_live_pack_meanwhile(world, around):
    engine, other = world.open(around), world.open()
    pack = world.add_pack(other, b"relied upon")

    def move():
        world.add_pack(other, b"relied upon")
        world.drop_pack(other, pack)

    around.before = [move]
    with transaction(engine) as tx:
        assert tx.writer.has(engine.keys.id_of(Kind.CHUNK, b"relied upon"))
        tx.publish([Move("a/b", None, world.write(engine, tx, "a/b", "one"))], "test")
    reader = world.open()
    reader.root()
    assert reader.store.get(reader.keys.id_of(Kind.CHUNK, b"relied upon"), Kind.CHUNK) == b"relied upon"


def test_an_object_found_only_in_a_merge_that_was_given_up_is_lost(world, around):
    other = world.open()
    packs = [world.add_pack(other, b"chunk %d" % i) for i in range(9)]
    engine = world.open(around)
    around.before = [lambda: world.drop_pack(other, packs[3])]
    with pytest.raises(MustRestart), transaction(engine) as tx:
        assert tx.writer.has(engine.keys.id_of(Kind.CHUNK, b"chunk 3"))
        tx.publish([Move("a/b", None, world.write(engine, tx, "a/b", "one"))], "test")
    assert world.texts("a/b") == [None]


def test_a_merge_that_was_given_up_leaves_the_other_writer_s_choice_of_packs(world, around):
    other = world.open()
    packs = [world.add_pack(other, b"chunk %d" % i) for i in range(9)]
    around.before = [lambda: world.drop_pack(other, packs[3])]
    world.commit(world.open(around), "a/b", "one")
    assert world.texts("a/b") == ["one"]
    assert_sound(world)


def test_own_packs_one_epoch_old_are_published(world, around):
    around.before = [world.bump_epoch]
    world.commit(world.open(around), "a/b", "one")
    assert world.texts("a/b") == ["one"]
    assert world.open().root().epoch == 1


@pytest.mark.parametrize("together", [True, False])
def test_own_packs_two_epochs_old_make_the_transaction_start_anew(world, around, together):
    def bump_twice():
        world.bump_epoch()
        world.bump_epoch()

    # A sweeper may have deleted them by now, whether the epochs came at one try or at two.
    around.before = [bump_twice] if together else [world.bump_epoch, world.bump_epoch]
    with pytest.raises(MustRestart):
        world.commit(world.open(around), "a/b", "one")
    assert world.texts("a/b") == [None]
    world.commit(world.open(), "a/b", "two")
    assert world.texts("a/b") == ["two"]


def test_the_epoch_moves_with_a_swap_and_not_more_often_than_it_may(world):
    engine = world.open()
    epochs = []
    for wait in (0, EPOCH_NS, 0, EPOCH_NS - 100, 200, 10 * EPOCH_NS, 0):
        world.now += wait
        world.commit(engine, "a/b", f"{world.now}")
        epochs.append(engine.root().epoch)
    assert epochs == [0, 1, 1, 1, 2, 3, 3]
    world.now -= 20 * EPOCH_NS
    world.commit(engine, "a/b", "in the past")
    assert engine.root().epoch == 3
    assert engine.root().serial == 8


def test_eight_small_packs_become_one_inside_an_ordinary_commit(world):
    engine = world.open()
    for i in range(50):
        world.commit(engine, "a/b", f"{i}" * 40)
        assert len(engine.live_packs()) < 8
        assert world.files() == world.live()
    assert [world.text(engine, id) for id in history(world, engine)] == [f"{i}" * 40 for i in range(49, -1, -1)]
    assert_sound(world)


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
    assert_sound(world)


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
    assert_sound(world)


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
    assert_sound(world)
    collect(world.open())
    assert world.files("manifests") == {world.open().root().manifest}
    assert_sound(world)


def test_a_manifest_that_is_replaced_while_it_is_looked_for_is_no_failure(world, monkeypatch):
    no_merging(monkeypatch)
    monkeypatch.setattr(root_module, "INLINE_PACKS", 3)
    monkeypatch.setattr(root_module, "RECENT_PACKS", 1)
    engine = world.open()
    for i in range(6):
        world.commit(engine, "a/b", f"{i}")

    class Late:
        """Reads the root, and everything else after others had their way."""

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


def test_packs_of_a_killed_writer_are_swept_when_nobody_could_publish_them(world):
    engine = world.open()
    with pytest.raises(KeyError), transaction(engine) as tx:
        world.write(engine, tx, "a/b", "one")
        tx.writer.flush()
        raise KeyError
    litter = world.files() - world.live()
    assert litter
    with world.storage.presence():  # somebody writes all the time
        for epoch in (0, 1):
            collect(engine)
            assert litter <= world.files(), epoch
            world.bump_epoch()
        collect(engine)
        assert not litter & world.files()
    assert_sound(world)


def test_threads_of_one_engine_commit_one_after_the_other(world):
    engine = world.open()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: world.commit(engine, f"a/{i}", f"{i}"), range(24)))
    assert world.texts(*(f"a/{i}" for i in range(24))) == [f"{i}" for i in range(24)]
    assert_sound(world)


def test_engines_that_race_in_threads_lose_nothing(world):
    engines = [world.open() for _ in range(3)]

    def work(number):
        for i in range(10):
            world.commit(engines[number], f"a/{number}", f"{number}.{i}")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert world.texts("a/0", "a/1", "a/2") == ["0.9", "1.9", "2.9"]
    assert_sound(world)
