"""The guarantees of `Storage`, run on every implementation."""

from __future__ import annotations

import threading

import pytest

from ctxstore.errors import AlreadyExists, NotFound
from ctxstore.storage.protocol import StoredValue, SwapLost

DATA = bytes(range(256)) * 3


def in_thread(function):
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def test_what_was_put_is_got(storage):
    storage.put("packs/a", DATA)
    assert storage.get("packs/a") == DATA
    assert storage.size("packs/a") == len(DATA)


def test_a_value_that_another_wrote_can_be_confirmed(storage):
    storage.put("packs/a", DATA)
    storage.confirm("packs/a")
    assert storage.get("packs/a") == DATA
    with pytest.raises(NotFound):
        storage.confirm("packs/b")


def test_an_empty_value_is_a_value(storage):
    storage.put("packs/a", b"")
    assert storage.get("packs/a") == b""
    assert storage.size("packs/a") == 0


@pytest.mark.parametrize("offset", [0, 1, 767, 768, 769, 10_000])
@pytest.mark.parametrize("length", [None, 0, 1, 100, 768, 10_000])
def test_a_range_is_that_slice_of_the_value(storage, offset, length):
    storage.put("packs/a", DATA)
    assert storage.get("packs/a", offset, length) == DATA[offset:][:length]


@pytest.mark.parametrize("offset", [0, 1, 767])
def test_every_byte_that_was_written_is_data(storage, offset):
    storage.put("packs/a", DATA)
    assert storage.next_data("packs/a", offset) == offset
    assert storage.next_data("packs/a", len(DATA)) is None
    with pytest.raises(NotFound):
        storage.next_data("packs/b", 0)


def test_a_value_is_made_of_all_the_pieces_written(storage):
    with storage.create("packs/a") as sink:
        for start in range(0, len(DATA), 100):
            sink.write(DATA[start : start + 100])
    assert storage.get("packs/a") == DATA


def test_a_key_that_exists_is_refused(storage):
    storage.put("packs/a", b"old")
    with pytest.raises(AlreadyExists):
        storage.put("packs/a", b"new")
    with pytest.raises(AlreadyExists), storage.create("packs/a") as sink:
        sink.write(b"new")
    assert storage.get("packs/a") == b"old"


def test_an_error_of_the_writer_passes_through_create_unchanged(storage):
    error = FileNotFoundError("the caller's own")
    with pytest.raises(FileNotFoundError) as raised, storage.create("packs/a") as sink:
        sink.write(b"part")
        raise error
    assert raised.value is error


def test_what_is_not_there_is_not_found(storage):
    with pytest.raises(NotFound):
        storage.get("packs/none")
    with pytest.raises(NotFound):
        storage.size("packs/none")


def test_deleting_twice_is_deleting_once(storage):
    storage.put("packs/a", b"x")
    storage.put("packs/b", b"y")
    storage.delete("packs/a")
    storage.delete("packs/a")
    with pytest.raises(NotFound):
        storage.get("packs/a")
    assert storage.get("packs/b") == b"y"


def test_a_quarantined_value_is_moved_and_kept(storage):
    storage.put("packs/a", DATA)
    moved = storage.quarantine("packs/a")
    assert moved == "quarantine/a"
    assert storage.get(moved) == DATA
    assert list(storage.list("packs")) == []
    with pytest.raises(NotFound):
        storage.get("packs/a")


def test_quarantine_replaces_nothing_that_is_there(storage):
    moved = []
    for data in (b"1", b"22", b"333"):
        storage.put("config", data)
        moved.append(storage.quarantine("config"))
    assert [storage.get(key) for key in moved] == [b"1", b"22", b"333"]
    assert len(set(moved)) == 3


def test_nothing_is_quarantined_that_is_not_there(storage):
    with pytest.raises(NotFound):
        storage.quarantine("packs/none")


def test_the_root_before_this_one_can_be_got(storage):
    storage.swap(None, b"1")
    storage.swap(b"1", b"2")
    storage.swap(b"2", b"3")
    assert storage.get("root.old") == b"2"


def test_a_list_names_the_values_of_one_folder_with_their_sizes(storage):
    assert list(storage.list("packs")) == []
    storage.put("packs/a", b"x")
    storage.put("packs/b", b"yy")
    storage.put("manifests/a", b"zzz")
    assert sorted(storage.list("packs")) == [StoredValue("packs/a", 1), StoredValue("packs/b", 2)]
    assert list(storage.list("manifests")) == [StoredValue("manifests/a", 3)]


def test_a_list_goes_on_when_values_are_deleted_under_it(storage):
    keys = {f"packs/{i}" for i in range(20)}
    for key in keys:
        storage.put(key, b"x")
    listed = storage.list("packs")
    seen = {next(listed).key}
    for key in keys - seen:
        storage.delete(key)
    assert {stored.key for stored in listed} <= keys


def test_the_root_is_swapped_only_from_what_is_expected(storage):
    assert storage.read_root() is None
    with pytest.raises(SwapLost):
        storage.swap(b"never there", b"1")
    storage.swap(None, b"1")
    with pytest.raises(SwapLost):
        storage.swap(None, b"2")
    with pytest.raises(SwapLost):
        storage.swap(b"0", b"2")
    assert storage.read_root() == b"1"
    storage.swap(b"1", b"2")
    assert storage.read_root() == b"2"


def test_of_swaps_that_race_from_the_same_root_one_wins(storage):
    storage.swap(None, b"0")
    start = threading.Barrier(2)
    wins = []

    def count():
        start.wait()
        for _ in range(50):
            old = storage.read_root()
            try:
                storage.swap(old, b"%d" % (int(old) + 1))
            except SwapLost:
                continue
            wins.append(old)

    threads = [in_thread(count) for _ in range(2)]
    for thread in threads:
        thread.join(30)
    assert len(wins) == len(set(wins)) == int(storage.read_root())


def test_the_only_writer_becomes_alone_and_one_of_two_does_not(storage):
    with storage.presence() as first:
        with storage.presence() as second:
            assert not first.alone()
            assert not second.alone()
        assert first.alone()
        assert first.alone()
    with storage.presence() as third:
        assert third.alone()


def test_a_writer_that_failed_to_be_alone_still_keeps_others_from_it(storage):
    with storage.presence() as first, storage.presence() as second:
        assert not first.alone()
        assert not second.alone()


def test_a_new_writer_waits_until_the_one_that_is_alone_is_done(storage):
    entered = threading.Event()

    def write():
        with storage.presence():
            entered.set()

    with storage.presence() as first:
        assert first.alone()
        thread = in_thread(write)
        assert not entered.wait(0.1)
    assert entered.wait(10)
    thread.join(10)


def test_a_repository_exists_from_the_first_swap_on(storage):
    assert not storage.exists()
    storage.put("config", b"x")
    storage.put("packs/a", b"x")
    assert not storage.exists()
    storage.swap(None, b"root")
    assert storage.exists()


def test_initialising_continues_what_was_interrupted(storage):
    storage.put("packs/a", b"x")
    storage.initialise()
    assert storage.get("packs/a") == b"x"


def test_initialising_refuses_a_repository_and_changes_nothing(storage):
    storage.put("packs/a", b"x")
    storage.swap(None, b"root")
    with pytest.raises(AlreadyExists, match="already"):
        storage.initialise()
    assert (storage.read_root(), storage.get("packs/a")) == (b"root", b"x")


def test_preparing_keeps_what_a_repository_contains(storage):
    storage.put("packs/a", b"x")
    storage.swap(None, b"root")
    storage.prepare()
    assert (storage.read_root(), storage.get("packs/a")) == (b"root", b"x")


def test_removing_the_caches_keeps_everything_else(storage):
    storage.put("packs/a", b"x")
    storage.swap(None, b"root")
    storage.remove_caches()
    storage.remove_caches()
    assert (storage.read_root(), storage.get("packs/a")) == (b"root", b"x")
