"""Links and special files inside a repository. Nothing outside is read, written or deleted, and nothing blocks."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

import ctxstore
from ctxstore.errors import CtxstoreError, StorageError
from ctxstore.repo.repair import repair
from ctxstore.storage.caches import BESIDE_DATABASE

FOLDERS = ("packs", "manifests", "cache", "quarantine")
FILES = ("config", "root", "root.old", "root.new", "root.lock", "writers.lock", "reserve")
CACHES = ("index.sqlite", "gc-note", "search.lock", *("search.sqlite" + end for end in ("", *BESIDE_DATABASE)))
PATIENCE = 20
"""The seconds after which an operation counts as blocked."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository with several packs, all caches, and damage for a repair to move away."""
    place = tmp_path_factory.mktemp("made") / "store"
    with ctxstore.init(place) as repo:
        draft = repo.edit("chat/alice")
        for n in range(3):
            draft.messages.append({"role": "user", "content": f"message {n}"})
            draft.commit(f"turn {n}")
        repo.search("message")
        repo.gc()
    return place


@pytest.fixture
def place(made, tmp_path):
    return shutil.copytree(made, tmp_path / "store")


@pytest.fixture
def outside(tmp_path):
    """Files of the user's, some with the names and the content of a repository's."""
    folder = tmp_path / "mine"
    (folder / "sub").mkdir(parents=True)
    for name in ("thesis.tex", "sub/x", "00000000-" + 32 * "a", "empty"):
        (folder / name).write_bytes(b"mine" if name != "empty" else b"")
    return folder


@pytest.fixture(autouse=True)
def no_hang():
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)


def tree(folder):
    found = {}
    for path, folders, names in os.walk(folder):
        for name in folders + names:
            at = os.path.join(path, name)
            found[at] = (os.lstat(at).st_mode, os.path.isfile(at) and Path(at).read_bytes())
    return found


def commit(place):
    with ctxstore.open(place) as repo:
        draft = repo.edit("chat/alice")
        draft.messages.append({"role": "user", "content": "more"})
        draft.commit("one more turn")


def opened(method):
    def run(place):
        with ctxstore.open(place) as repo:
            method(repo)

    return run


OPERATIONS = {
    "commit": commit,
    "gc": opened(lambda repo: repo.gc(recompress=True)),
    "check": opened(lambda repo: repo.check(read_data=True)),
    "recover": opened(lambda repo: list(repo.iter_unreachable(all=True))),
    "search": opened(lambda repo: repo.search("message", rebuild=True)),
    "repair": repair,
    "init": ctxstore.init,
}


def run_all(place):
    """Runs each operation, and returns the errors by the operation's name."""
    errors = {}
    for name, operation in OPERATIONS.items():
        try:
            operation(place)
        except CtxstoreError as error:
            errors[name] = error
    return errors


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_linked_folder_is_named_and_what_it_leads_to_stays_as_it_is(place, outside, folder):
    if folder == "quarantine":  # a damaged pack, which a repair moves there
        pack = next((place / "packs").iterdir())
        pack.write_bytes(pack.read_bytes()[:-50])
    else:
        shutil.rmtree(place / folder)
    (place / folder).symlink_to(outside)
    before = tree(outside)
    errors = run_all(place)
    assert tree(outside) == before
    assert isinstance(errors["repair"], StorageError)
    assert str(place / folder) in errors["repair"].message and "is a link" in errors["repair"].message
    assert "remove it" in errors["repair"].hint


@pytest.mark.parametrize("kind", ["link", "empty", "dangling", "fifo", "socket", "folder"])
@pytest.mark.parametrize("name", [*FILES, *(f"cache/{name}" for name in CACHES), "pack"])
def test_a_link_or_a_special_file_among_a_repository_s_files_is_not_followed(place, outside, name, kind):
    path = place / name if name != "pack" else next((place / "packs").iterdir())
    path.unlink(missing_ok=True)
    if kind in ("link", "empty"):
        path.symlink_to(outside / ("thesis.tex" if kind == "link" else kind))
    elif kind == "dangling":
        path.symlink_to(outside / "new")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, 0o600 | 0o140000)
    else:
        path.mkdir()
    before = tree(outside)
    errors = run_all(place)
    assert tree(outside) == before
    assert all(error.hint for error in errors.values()), errors


@pytest.mark.parametrize("name", ["root", "config", "root.lock", "writers.lock"])
def test_a_linked_file_that_is_needed_is_a_named_error(place, outside, name):
    (place / name).unlink()
    (place / name).symlink_to(outside / "thesis.tex")
    with pytest.raises(StorageError, match=f"{name} is a link"):
        commit(place)


def test_a_link_to_the_repository_itself_is_followed(place, tmp_path):
    (tmp_path / "short").symlink_to(place)
    commit(tmp_path / "short")
    with ctxstore.open(tmp_path / "short") as repo:
        assert len(list(repo.log("chat/alice"))) == 4
        assert not repo.check(read_data=True).problems


@pytest.mark.parametrize("name", ["config", "root", "root.old", "reserve", "cache/gc-note", "pack", "packs/new"])
@pytest.mark.parametrize("is_empty", [False, True])
def test_a_huge_file_with_holes_is_not_read_as_a_whole(place, name, is_empty):
    path = place / name.replace("new", "00000000-" + 32 * "b")
    path = path if name != "pack" else next((place / "packs").iterdir())
    if is_empty:
        path.unlink(missing_ok=True)
    path.touch()
    os.truncate(path, 1 << 43)
    run_all(place)


def test_frames_after_a_hole_are_saved(place):
    """Some file systems leave a hole where a crash lost a write."""
    pack = max((place / "packs").iterdir(), key=lambda path: path.stat().st_size)
    data = pack.read_bytes()
    with open(pack, "wb") as file:
        file.seek(1 << 30)
        file.write(data)
    repair(place)
    with ctxstore.open(place) as repo:
        assert len(list(repo.log("chat/alice"))) == 3
        assert not repo.check(read_data=True).problems
