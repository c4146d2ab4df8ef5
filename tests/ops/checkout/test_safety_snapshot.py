"""The safety snapshot: everything that a checkout replaces is found in it, and it moves no revision."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.errors import Conflict, SourceError
from ctxstore.ops.checkout.placement import Placement
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.directory import Directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "notes"
    made.mkdir()
    return made


def target_of(path: Path) -> Target:
    return Target(Directory(), Directory().home_at(str(path), dict(os.environ)))


def saved_files(repo: ctxstore.Repo, id: object) -> dict[str, bytes]:
    view = repo.view(id.hex())  # type: ignore[attr-defined]
    return {path: view.read(path) for path, entry in view.files.entries() if hasattr(entry, "size")}


@pytest.mark.parametrize("rev", ["{}", "{}~1", "{}@{{now}}"])
def test_the_same_checkout_twice_ends_in_the_same_state(folder, repo, rev):
    for text in ("one", "two"):
        (folder / "x").write_text(text)
        ((ref, _),) = repo.snapshot([target_of(folder)]).commits
    (folder / "x").write_text("spoiled")
    (folder / "y").write_text("new")
    revision = rev.format(ref)
    before = [(each.name, each.stored.id) for each in repo.refs()]
    first = repo.plan_checkout(revision).execute()
    restored = (folder / "x").read_text()
    assert restored == ("one" if "~" in rev else "two")
    assert not (folder / "y").exists()
    assert saved_files(repo, first.safety_commit) == {"x": b"spoiled", "y": b"new"}
    again = repo.plan_checkout(revision)
    assert again.is_empty
    again.execute()
    assert (folder / "x").read_text() == restored
    assert [(each.name, each.stored.id) for each in repo.refs()] == before


def test_a_checkout_that_was_killed_halfway_ends_in_the_same_state_when_repeated(folder, repo, monkeypatch):
    for name in "abc":
        (folder / name).write_text("good")
    ((ref, _),) = repo.snapshot([target_of(folder)]).commits
    for name in "abc":
        (folder / name).write_text("spoiled")
    real, calls = os.rename, []

    def rename(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    plan = repo.plan_checkout(ref)
    real_save = plan.save_first

    def save(at_risk):
        saved = real_save(at_risk)
        monkeypatch.setattr(os, "rename", rename)
        return saved

    plan.save_first = save
    with pytest.raises(KeyboardInterrupt):
        plan.execute()
    monkeypatch.setattr(os, "rename", real)
    assert {(folder / name).read_text() for name in "abc"} == {"good", "spoiled"}
    repo.plan_checkout(ref).execute()
    assert {(folder / name).read_text() for name in "abc"} == {"good"}


def test_the_saved_state_comes_back_by_its_commit(folder, repo, state_of):
    (folder / "x").write_text("good")
    ((ref, _),) = repo.snapshot([target_of(folder)]).commits
    (folder / "x").write_text("mine")
    (folder / "deep").mkdir()
    (folder / "deep" / "y").write_text("mine, too")
    mine = state_of(folder)
    result = repo.plan_checkout(ref).execute()
    repo.plan_checkout(result.safety_commit.hex()).execute()
    assert state_of(folder) == mine


def test_an_undo_makes_the_saved_state_the_newest_commit(folder, repo):
    (folder / "x").write_text("good")
    ((ref, _),) = repo.snapshot([target_of(folder)]).commits
    (folder / "x").write_text("mine")
    result = repo.plan_checkout(ref).execute()
    repo.plan_undo().execute()
    assert repo.resolve(ref).id == result.safety_commit
    repo.plan_checkout(ref).execute()
    assert (folder / "x").read_text() == "mine"
    repo.plan_undo().execute()


def test_what_a_commit_contains_already_is_not_saved_again(folder, repo, place, stored_files):
    for text in ("one", "two"):
        (folder / "x").write_text(text)
        ((ref, head),) = repo.snapshot([target_of(folder)]).commits
    before = stored_files(place)
    result = repo.plan_checkout(f"{ref}~1").execute()
    assert (result.safety, result.safety_commit) == (None, head)
    assert stored_files(place) == before


@pytest.mark.parametrize("form", ["to", "all", "mapped"])
def test_files_elsewhere_are_saved_before_they_are_overwritten(folder, repo, tmp_path, home, snap, form):
    home.write("one")
    snap(home)
    ref = home.ref("one")
    if form == "mapped":
        plan = lambda: repo.plan_checkout(ref, placement=Placement(paths=(("/home/ada/engine", "/srv/engine"),)))  # noqa: E731
    elif form == "to":
        plan = lambda: repo.plan_checkout(ref, to=str(tmp_path / "back"))  # noqa: E731
    else:
        plan = lambda: repo.plan_checkout_all(str(tmp_path / "back"))  # noqa: E731
    plan().execute()
    (action,) = [action for action in plan().actions if action.path.endswith("one.jsonl")]
    file = Path(plan().target, action.path)
    file.write_bytes(b"mine, and nowhere else")
    result = plan().execute(overwrite=True)
    assert file.read_bytes() != b"mine, and nowhere else"
    assert saved_files(repo, result.safety_commit)[action.path] == b"mine, and nowhere else"
    repo.gc()
    repo.plan_checkout(result.safety_commit.hex(), to=str(tmp_path / "third")).execute()
    assert (tmp_path / "third" / action.path).read_bytes() == b"mine, and nowhere else"


def test_files_of_a_folder_that_were_overwritten_are_not_restored_in_place(folder, repo, tmp_path):
    """In place would remove the folder's other files."""
    (folder / "x").write_text("good")
    ((ref, _),) = repo.snapshot([target_of(folder)]).commits
    back = tmp_path / "back"
    back.mkdir()
    (back / "x").write_text("mine")
    result = repo.plan_checkout(ref, to=str(back)).execute(overwrite=True)
    with pytest.raises(ctxstore.InvalidInput, match="can't be restored in place"):
        repo.plan_checkout(result.safety_commit.hex())


def test_a_pipe_in_a_files_place_is_not_removed(folder, repo):
    (folder / "x").write_text("good")
    ((ref, _),) = repo.snapshot([target_of(folder)]).commits
    (folder / "x").unlink()
    os.mkfifo(folder / "x")
    with pytest.raises(SourceError, match="neither a file nor a link"):
        repo.plan_checkout(ref).execute()
    assert (folder / "x").is_fifo()


# -- a file in the place of a folder, and the reverse


def test_a_folder_in_the_place_of_a_single_file_is_refused_and_its_neighbours_stay(repo, tmp_path, state_of):
    (tmp_path / "a" / "b").mkdir(parents=True)
    file = tmp_path / "a" / "plan"
    file.write_text("a file")
    ((ref, _),) = repo.snapshot([target_of(file)]).commits
    file.unlink()
    for folder in (file, tmp_path / "a"):
        (folder / "b").mkdir(parents=True, exist_ok=True)
        (folder / "todo").write_text(f"in {folder.name}")
        (folder / "b" / "c").write_text(f"below {folder.name}")
    before = state_of(tmp_path / "a")
    with pytest.raises(Conflict, match="is a folder now"):
        repo.plan_checkout(ref)
    assert state_of(tmp_path / "a") == before


def test_a_single_file_in_the_place_of_a_folder_is_refused(folder, repo):
    (folder / "x").write_text("1")
    ((ref, _),) = repo.snapshot([target_of(folder)]).commits
    (folder / "x").unlink()
    folder.rmdir()
    folder.write_text("a file now")
    with pytest.raises(Conflict, match="is a file now"):
        repo.plan_checkout(ref)
    assert folder.read_text() == "a file now"


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("is_present", [True, False])
def test_a_file_named_like_its_folder_goes_back_to_its_place(repo, tmp_path, monkeypatch, kind, is_present):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "same"
    folder.mkdir()
    file = folder / "same"
    file.write_text("content")
    ((ref, _),) = repo.snapshot([target_of(file if kind == "file" else folder)]).commits
    file.write_text("other")
    if not is_present:
        file.unlink()
        folder.rmdir()
    repo.plan_checkout(ref).execute()
    assert file.read_text() == "content"
    assert list(folder.iterdir()) == [file]


NAMES = st.sampled_from(["a", "b", "a/a", "a/b", "b/a/a", "c/d"])
CONTENT = st.sampled_from([b"", b"1", b"22", bytes(5000)])
STATES = st.dictionaries(NAMES, CONTENT, max_size=4)


def write_state(folder: Path, state: dict[str, bytes]) -> dict[str, bytes]:
    """Writes the files that fit together, and returns them."""
    written = {}
    for name in sorted(state):
        if not any(name.startswith(other + "/") for other in written):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(state[name])
            written[name] = state[name]
    return written


def read_state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def clear(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@settings(max_examples=60, deadline=None)
@given(saved=STATES.filter(bool), present=STATES, outside=st.binary(min_size=1, max_size=20))
def test_nothing_is_lost_whatever_replaces_whatever(tmp_path_factory, saved, present, outside):
    base = tmp_path_factory.mktemp("any")
    folder, neighbour = base / "folder", base / "a"
    folder.mkdir()
    neighbour.write_bytes(outside)
    with ctxstore.init(base / "repository") as repo:
        wanted = write_state(folder, saved)
        ((ref, _),) = repo.snapshot([target_of(folder)]).commits
        clear(folder)
        mine = write_state(folder, present)
        random.seed(0)
        result = repo.plan_checkout(ref).execute()
        assert read_state(folder) == wanted
        assert neighbour.read_bytes() == outside
        lost = {name: data for name, data in mine.items() if wanted.get(name) != data}
        kept = saved_files(repo, result.safety_commit) if result.safety_commit else {}
        assert lost.items() <= kept.items()
        assert repo.plan_checkout(ref).is_empty
