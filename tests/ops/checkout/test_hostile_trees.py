"""Trees that try to escape from the target, and damaged packs. A checkout writes inside the target, and no partial
file."""

from __future__ import annotations

import os
import random
import sqlite3

import pytest

from ctxstore.errors import Conflict, Corrupt, CtxstoreError, InvalidInput, NotFound
from ctxstore.history.commits import Commit, write_commit
from ctxstore.history.transaction import Move, transaction
from ctxstore.packs import index
from ctxstore.packs.format import PACK_MAGIC
from ctxstore.trees.entries import DirEntry, FileEntry, SymlinkEntry, encode_entry
from ctxstore.trees.files import write_content


def commit_tree(repo, ref, entries, label=""):
    """Commits any tree. Bytes stand for a file with this content."""
    engine = repo._engine
    with transaction(engine) as tx:
        encoded = {}
        for key, entry in entries.items():
            made = entry
            if isinstance(entry, bytes):
                content = write_content(tx.writer, engine.chunker, [entry])
                made = FileEntry(0o644, 1, content.size, content.is_list, content.id)
            encoded[key] = encode_entry(made)
        tree = engine.maps.create(tx.writer, encoded)
        author = engine.environment.author
        made = Commit(tree, (), 0, 1, author, ref, source="directory", root="/nowhere", label=label)
        id = write_commit(tx.writer, made)
        tx.publish([Move(ref, None, id)], "test")


@pytest.fixture
def target(tmp_path):
    """A target two folders deep, so that an escape from it would be visible."""
    path = tmp_path / "outer" / "inner" / "target"
    path.mkdir(parents=True)
    return path


HOSTILE = {
    "up": {b"../x": b"evil"},
    "far up": {b"../../../../x": b"evil"},
    "up in the middle": {b"a/../../x": b"evil"},
    "up at the end": {b"a/..": b"evil"},
    "here": {b"./x": b"evil"},
    "here in the middle": {b"a/./x": b"evil"},
    "nothing between slashes": {b"a//b": b"evil"},
    "slash at the end": {b"a/": b"evil"},
    "no name": {b"": b"evil"},
    "nul": {b"a\0b": b"evil"},
    "folder up": {b"..": DirEntry(0o777, 1)},
    "link up": {b"../x": SymlinkEntry(b"/etc", 1)},
    "link and a file below it": {b"link": SymlinkEntry(b"/etc", 1), b"link/file": b"evil"},
    "link up and a file below it": {b"link": SymlinkEntry(b"..", 1), b"link/x": b"evil"},
    "link and a file far below it": {b"link": SymlinkEntry(b"..", 1), b"link/a/b/x": b"evil"},
    "link and a folder below it": {b"link": SymlinkEntry(b"..", 1), b"link/d": DirEntry(0o777, 1)},
    "link and a link below it": {b"link": SymlinkEntry(b"..", 1), b"link/d": SymlinkEntry(b"x", 1)},
    "file and a file below it": {b"file": b"1", b"file/below": b"2"},
}


@pytest.mark.parametrize("entries", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("there", [True, False], ids=["into a folder", "into a new folder"])
def test_a_hostile_tree_is_refused_and_nothing_is_written(repo, tmp_path, target, state_of, entries, there):
    commit_tree(repo, "evil/tree", {b"good": b"1", **entries})
    if not there:
        target.rmdir()
    before = state_of(tmp_path / "outer")
    for plan in (
        lambda: repo.plan_checkout("evil/tree", to=str(target)),
        lambda: repo.plan_checkout_all(str(target)),
    ):
        with pytest.raises((Corrupt, Conflict)):
            plan().execute(overwrite=True)
        assert state_of(tmp_path / "outer") == before


def test_an_absolute_key_is_never_a_file(repo, tmp_path, target, state_of):
    path = os.fsencode(tmp_path / "escaped")
    commit_tree(repo, "evil/tree", {path: b"evil"})
    with pytest.raises(InvalidInput):
        repo.plan_checkout("evil/tree", to=str(target))
    commit_tree(repo, "evil/more", {path: b"evil", b"good": b"1"})
    repo.plan_checkout("evil/more", to=str(target)).execute()
    assert list(state_of(target)) == [b"good"]
    assert not (tmp_path / "escaped").exists()


def test_links_of_one_context_do_not_lead_files_of_another_outside(repo, tmp_path, target, state_of):
    commit_tree(repo, "evil/a", {b"link": SymlinkEntry(os.fsencode(tmp_path), 1)}, label="home")
    commit_tree(repo, "evil/b", {b"link/escaped": b"evil"}, label="home")
    with pytest.raises(Conflict):
        repo.plan_checkout_all(str(target))
    assert state_of(target) == {}
    assert not (tmp_path / "escaped").exists()


@pytest.mark.parametrize("label", ["..", "/abs", "a/../../b", "a//b"])
def test_hostile_labels_are_refused(repo, tmp_path, target, state_of, label):
    commit_tree(repo, "evil/a", {b"x": b"evil"}, label=label)
    before = state_of(tmp_path / "outer")
    with pytest.raises(Corrupt):
        repo.plan_checkout_all(str(target)).execute(overwrite=True)
    assert state_of(tmp_path / "outer") == before


def test_lying_sizes_are_corrupt_and_leave_nothing(repo, target, state_of):
    commit_tree(repo, "good/a", {b"x": b"content"})
    entry = repo.view("good/a").get_file("x")
    for number, size in enumerate((3, 8, 1 << 40)):
        commit_tree(repo, f"evil/{number}", {b"x": entry._replace(size=size)})
        with pytest.raises(Corrupt):
            repo.plan_checkout(f"evil/{number}", to=str(target)).execute()
        assert state_of(target) == {}


@pytest.fixture
def large(tmp_path, folder_target, repo):
    """A folder in the repository, in a pack with two frames of content."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(6):
        (folder / f"{number}").write_bytes(random.Random(number).randbytes(1 << 20))
    report = repo.snapshot([folder_target(folder)])
    return folder, report.commits[0][0]


def test_a_damaged_pack_is_corrupt_and_leaves_no_half_files(large, repo, place, target):
    folder, ref = large
    (pack,) = [path for path in (place / "packs").iterdir() if path.stat().st_size > 1 << 20]
    data = bytearray(pack.read_bytes())
    data[len(PACK_MAGIC) + 1000] ^= 1
    pack.write_bytes(data)
    with pytest.raises(Corrupt):
        repo.plan_checkout(ref, to=str(target)).execute()
    for path in target.rglob("*"):
        assert path.read_bytes() == (folder / path.name).read_bytes()


def test_a_missing_pack_is_an_error_and_leaves_nothing(large, repo, place, target, state_of):
    _, ref = large
    (pack,) = [path for path in (place / "packs").iterdir() if path.stat().st_size > 1 << 20]
    plan = repo.plan_checkout(ref, to=str(target))
    pack.unlink()
    with pytest.raises((Corrupt, NotFound)):
        plan.execute()
    assert state_of(target) == {}


def test_an_error_while_writing_leaves_no_litter(large, repo, target, monkeypatch, state_of):
    _, ref = large
    real, left = os.pwrite, [5]

    def pwrite(fd, data, offset):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        return real(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(CtxstoreError) as caught:
        repo.plan_checkout(ref, to=str(target)).execute()
    assert caught.value.exit_code == 6
    assert state_of(target) == {}


def test_a_wrong_index_cache_is_not_believed(large, repo, place, target, monkeypatch, state_of):
    folder, ref = large
    monkeypatch.setattr(index, "IN_MEMORY", 0)
    import ctxstore

    for change in (
        "UPDATE objects SET start = start + 1 WHERE kind = 1",
        "UPDATE objects SET length = length - 1 WHERE kind = 1",
        "UPDATE objects SET stored = stored - 1 WHERE kind = 1",
        "UPDATE objects SET frame = frame + 1 WHERE kind = 1",
        "DELETE FROM objects WHERE kind = 1",
    ):
        with ctxstore.open(place) as fresh:
            fresh.view(ref).read("0")
        with sqlite3.connect(place / "cache" / "index.sqlite") as database:
            database.execute(change)
        database.close()
        with ctxstore.open(place) as fresh:
            to = target / change.replace(" ", "-")
            fresh.plan_checkout(ref, to=str(to)).execute()
            assert state_of(to) == state_of(folder)
