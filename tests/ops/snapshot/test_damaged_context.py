"""Damage to the stored state of one context: the others are saved, and that one is saved anew."""

from __future__ import annotations

import shutil

import pytest

import ctxstore
from ctxstore.ids import Kind
from ctxstore.repo.repair import repair
from ctxstore.trees.entries import decode_entry


def flip(place, pack, offset):
    path = place / "packs" / pack
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def damage(place, id, kind):
    """Flips a bit of the frame that has an object."""
    with ctxstore.open(place) as repo:
        location = repo._engine.store.index.find(id)
        assert location.kind == kind
    flip(place, location.pack, location.frame + location.stored // 2)


def damaged_object(repo, ref, which):
    """Returns the id and kind of an object of the newest commit of a context."""
    head = repo.resolve(ref)
    if which == "commit":
        return head.id, Kind.COMMIT
    if which == "tree":
        return head.commit.tree, Kind.MAP
    tree = repo._engine.maps.load(repo._engine.store, head.commit.tree)
    entry = next(decode_entry(value) for _, value in tree.items())
    assert entry.is_list
    return entry.id, Kind.LIST


@pytest.fixture
def contexts(home, place, line, settle):
    """Two sessions, of which the first is long, and a copy of the repository before the damage."""

    def make(which, *, with_cache=True):
        with ctxstore.init(place) as repo:
            home.write("one", 600, pad="x" * 300)
            repo.snapshot([home.target], note="first")
            home.append("one", *(line(i, session="one", pad="y" * 300) for i in range(600, 1200)))
            repo.snapshot([home.target], note="second")
            id, kind = damaged_object(repo, home.ref("one"), which)
            home.write("two")
            settle()
            repo.snapshot([home.target])  # the list of contexts moves to another pack
        shutil.copytree(place, place.with_name("copy"))
        damage(place, id, kind)
        if not with_cache:
            shutil.rmtree(place / "cache")
        return id

    return make


@pytest.fixture(params=["commit", "tree", "list"])
def which(request):
    return request.param


@pytest.fixture(params=["auto", "incremental"])
def kind(request):
    return request.param


@pytest.fixture(params=[True, False])
def damaged(contexts, which, request):
    contexts(which, with_cache=request.param)


@pytest.mark.parametrize("is_repaired", [False, True])
def test_a_damaged_context_is_saved_anew_and_the_others_as_ever(damaged, home, place, line, kind, is_repaired):
    if is_repaired:
        repair(place)
    home.append("one", line(1200, session="one"))
    home.append("two", line(6, session="two"))
    home.write("three")
    with ctxstore.open(place) as repo:
        old = repo.find_ref(home.ref("one"))
        report = repo.snapshot([home.target], kind=kind).sources[0]
        assert set(report.changed) == {home.ref("one"), home.ref("two")}
        assert report.new == (home.ref("three"),)
        if report.damaged:  # a repair may have found everything in the transcript
            assert [(each.ref, each.commit, each.is_saved) for each in report.damaged] == [(home.ref("one"), old, True)]
        else:
            assert is_repaired
        for name in ("one", "two", "three"):
            path = f"projects/{home.project}/{name}.jsonl"
            assert repo.view(home.ref(name)).read(path) == home.transcript(name).read_bytes()
        assert old in repo.resolve(home.ref("one")).commit.parents
        assert not repo.snapshot([home.target]).sources[0].damaged  # said once


def test_after_a_damaged_commit_the_log_goes_on_and_repair_finds_everything(contexts, home, place, line):
    contexts("commit")
    home.append("one", line(1200, session="one"))
    with ctxstore.open(place) as repo:
        old = repo.find_ref(home.ref("one"))
        repo.snapshot([home.target])
        head = repo.resolve(home.ref("one"))
        assert repo.resolve(f"{home.ref('one')}~1").commit.note == "first"
        assert head.commit.note == f"saved anew: commit {old.hex()[:8]} is damaged"
        with pytest.raises(ctxstore.Corrupt):
            repo.plan_gc()  # the damaged commit is still needed
    report = repair(place, others=[str(place.with_name("copy"))])
    assert not report.problems
    with ctxstore.open(place) as repo:
        notes = [stored.commit.note for stored in repo.log(home.ref("one"))]
        assert notes == [head.commit.note, "second", "first"]
        generations = [stored.commit.generation for stored in repo.log(home.ref("one"))]
        assert generations == [2, 1, 0]
        assert repo.check(read_data=True).problems == ()


def test_a_damaged_context_whose_files_are_gone_does_not_stop_the_others(contexts, home, place):
    contexts("commit", with_cache=False)
    home.transcript("one").unlink()
    home.write("three")
    with ctxstore.open(place) as repo:
        report = repo.snapshot([home.target]).sources[0]
        assert report.new == (home.ref("three"),)
        assert [(each.ref, each.is_saved) for each in report.damaged] == [(home.ref("one"), False)]
