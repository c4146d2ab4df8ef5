"""The protocol of a transaction. No concurrent change of others loses acknowledged data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from ctxstore.errors import Conflict, RefMoved, StorageError
from ctxstore.history.oplog import iter_ops
from ctxstore.history.root import EPOCH_NS
from ctxstore.history.transaction import Move, MustRestart, transaction
from ctxstore.ids import Kind
from ctxstore.ops.gc.collect import collect


def test_what_was_published_is_there_for_everybody(world):
    engine, reader = world.open(), world.open()
    reader.root()
    id = world.commit(engine, "a/b", "one")
    assert reader.refs(reader.root()).find("a/b") == id
    assert world.texts("a/b", "a/c") == ["one", None]
    world.assert_sound()


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
    world.assert_sound()


def test_two_writers_on_different_refs_both_succeed(world):
    first, second = world.open(), world.open()
    world.commit(first, "a/one", "1", during=lambda: world.commit(second, "a/two", "2"))
    assert world.texts("a/one", "a/two") == ["1", "2"]
    commands = [op.changes[0].ref for _, op in iter_ops(first.store, first.root().op)]
    assert commands == ["a/one", "a/two"]
    world.assert_sound()


def test_the_second_of_two_writers_on_one_ref_is_told(world):
    first, second = world.open(), world.open()
    old = world.commit(first, "a/b", "old")
    theirs = []
    with pytest.raises(RefMoved) as raised:
        world.commit(first, "a/b", "ours", during=lambda: theirs.append(world.commit(second, "a/b", "theirs")))
    assert (raised.value.ref, raised.value.expected, raised.value.actual) == ("a/b", old, theirs[0])
    assert world.texts("a/b") == ["theirs"]
    world.assert_sound()


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
    world.assert_sound()


def test_a_swap_reported_as_failed_is_made_durable_before_it_is_acknowledged(world, around):
    def fail():
        raise StorageError("the disk is gone")

    around.fail_after = 1
    around.settle = fail
    engine = world.open(around)
    with pytest.raises(StorageError, match="the disk is gone"):
        world.commit(engine, "a/b", "one")


def test_a_swap_reported_as_failed_is_a_success_even_if_others_went_on_from_it(world, around):
    other = world.open()
    around.after = [lambda: [world.commit(other, "a/other", f"{i}") for i in range(3)]]
    around.fail_after = 1
    engine = world.open(around)
    world.commit(engine, "a/b", "one")
    world.commit(engine, "a/b", "two")
    assert world.texts("a/b", "a/other") == ["two", "2"]
    world.assert_sound()


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
    world.assert_sound()


def test_somebody_who_is_always_first_ends_in_a_conflict(world, around):
    around.before = [world.touch_root] * 100
    with pytest.raises(Conflict, match="times in a row"):
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
    world.assert_sound()


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
    world.assert_sound()


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

    # A sweeper may have deleted them by now, whether the epochs advanced in one attempt or two.
    around.before = [bump_twice] if together else [world.bump_epoch, world.bump_epoch]
    with pytest.raises(MustRestart):
        world.commit(world.open(around), "a/b", "one")
    assert world.texts("a/b") == [None]
    world.commit(world.open(), "a/b", "two")
    assert world.texts("a/b") == ["two"]


def test_a_writer_starts_anew_when_its_manifest_was_collected_and_another_thread_read_the_root(world, monkeypatch):
    monkeypatch.setattr("ctxstore.history.root.INLINE_PACKS", 4)
    monkeypatch.setattr("ctxstore.history.root.RECENT_PACKS", 2)
    engine, other = world.open(), world.open()
    for number in range(6):
        world.commit(engine, f"a/{number}", "early")
    manifests = world.files("manifests")

    def live_on():
        for number in range(6):
            world.now += EPOCH_NS
            world.commit(other, "a/other", f"{number}")
        collect(other)
        assert not manifests & world.files("manifests")
        engine.root()

    with pytest.raises(MustRestart):
        world.commit(engine, "a/b", "late", during=live_on)
    world.commit(engine, "a/b", "later")
    assert world.texts("a/0", "a/b", "a/other") == ["early", "later", "5"]
    world.assert_sound()


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


def test_packs_of_a_killed_writer_are_swept_when_nobody_could_publish_them(world):
    engine = world.open()
    with pytest.raises(KeyError), transaction(engine) as tx:
        world.write(engine, tx, "a/b", "one")
        tx.writer.flush()
        raise KeyError
    litter = world.files() - world.live()
    assert litter
    with world.storage.presence():  # a writer is always present
        for epoch in (0, 1):
            collect(engine)
            assert litter <= world.files(), epoch
            world.bump_epoch()
        collect(engine)
        assert not litter & world.files()
    world.assert_sound()


def test_threads_of_one_engine_commit_one_after_the_other(world):
    engine = world.open()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: world.commit(engine, f"a/{i}", f"{i}"), range(24)))
    assert world.texts(*(f"a/{i}" for i in range(24))) == [f"{i}" for i in range(24)]
    world.assert_sound()


def test_engines_that_race_in_threads_lose_nothing(world):
    engines = [world.open() for _ in range(3)]

    def work(number):
        for i in range(10):
            world.commit(engines[number], f"a/{number}", f"{number}.{i}")

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert world.texts("a/0", "a/1", "a/2") == ["0.9", "1.9", "2.9"]
    world.assert_sound()


def test_a_swap_that_was_reported_and_did_not_happen_is_no_acknowledgement(world, monkeypatch):
    engine = world.open()
    world.commit(engine, "a/b", "one")
    with monkeypatch.context() as lying:
        lying.setattr(world.storage, "swap", lambda expected, new: None)
        with pytest.raises(StorageError, match="reported"):
            world.commit(engine, "a/c", "two")
    assert world.texts("a/b", "a/c") == ["one", None]
    world.commit(engine, "a/c", "three")
    assert world.texts("a/b", "a/c") == ["one", "three"]
    world.assert_sound()


def test_a_swap_after_which_another_writer_was_faster_to_be_read_is_one(world, monkeypatch):
    engine, other = world.open(), world.open()
    swap, waiting = world.storage.swap, [True]

    def swap_and_let_others_in(expected, new):
        swap(expected, new)
        if waiting:
            waiting.clear()
            world.commit(other, "a/other", "theirs")

    monkeypatch.setattr(world.storage, "swap", swap_and_let_others_in)
    world.commit(engine, "a/b", "ours")
    assert world.texts("a/b", "a/other") == ["ours", "theirs"]
    world.assert_sound()
