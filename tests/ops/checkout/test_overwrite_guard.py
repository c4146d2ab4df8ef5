"""The only copy of a file or repository, which neither a checkout nor a lost root may destroy."""

from __future__ import annotations

import os

import pytest

import ctxstore
from ctxstore.errors import Conflict, Corrupt, SourceError, StorageError
from ctxstore.history.engine import create, real_environment
from ctxstore.history.transaction import transaction
from ctxstore.ops.snapshot import capture
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.directory import Directory
from ctxstore.storage.files import Files
from ctxstore.storage.local import LocalStorage


@pytest.fixture
def saved(tmp_path):
    """A folder with two saved states, and the repository. The folder has the second state."""
    folder = tmp_path / "work"
    folder.mkdir()
    target = Target(Directory(), Directory().home_at(str(folder), {"HOME": str(tmp_path)}))
    with ctxstore.init(tmp_path / "store") as repo:
        (folder / "notes").write_text("first")
        repo.snapshot([target])
        (folder / "notes").write_text("second one")
        ((ref, _),) = repo.snapshot([target]).commits
        yield folder, repo, ref


def test_what_the_safety_snapshot_could_not_read_is_not_overwritten(saved, monkeypatch):
    folder, repo, ref = saved
    (folder / "notes").write_text("precious")
    monkeypatch.setattr(capture, "read_stable", lambda *_: (_ for _ in ()).throw(SourceError("Permission denied")))
    with pytest.raises(SourceError, match="can't be saved before"):
        repo.plan_checkout(f"{ref}~1").execute()
    assert (folder / "notes").read_text() == "precious"


@pytest.mark.parametrize("name", ["notes", "new"])
def test_what_is_written_after_the_safety_snapshot_is_not_overwritten(saved, name):
    folder, repo, ref = saved
    if name == "new":
        (folder / "notes").rename(folder / "new")
        repo.snapshot([Target(Directory(), Directory().home_at(str(folder), {}))])
        (folder / "new").unlink()
        (folder / "notes").write_text("second one")
        ref = f"{ref}~0"
    plan = repo.plan_checkout(ref if name == "new" else f"{ref}~1")
    save_first = plan.save_first

    def save_and_be_written_to(at_risk):
        saved = save_first(at_risk)
        (folder / name).write_text("the agent's last turn")
        return saved

    plan.save_first = save_and_be_written_to
    with pytest.raises(Conflict, match="changed while"):
        plan.execute()
    assert (folder / name).read_text() == "the agent's last turn"
    assert not [entry for entry in os.listdir(folder) if entry.endswith(".part")]


def test_a_repository_without_its_root_is_not_made_anew(saved):
    _, repo, _ = saved
    os.unlink(os.path.join(repo.path, "root"))
    for again in (ctxstore.init, ctxstore.open):
        with pytest.raises(Corrupt, match="root is missing"):
            again(repo.path)


class FailingFolder(Files):
    """A repository's folder that cannot be made durable."""

    broken = False

    def sync_folder(self, path):
        if self.broken and os.path.basename(path) == "store":
            raise OSError(5, "Input/output error")
        super().sync_folder(path)


def test_a_root_that_may_not_last_is_not_acknowledged_and_nothing_is_deleted_for_it(tmp_path):
    files = FailingFolder()
    engine = create(LocalStorage(str(tmp_path / "store"), files), real_environment())
    before = set(os.listdir(tmp_path / "store/packs"))
    files.broken = True
    with pytest.raises(StorageError, match="Input/output"), transaction(engine) as tx:
        tx.publish([], "test")
    assert before <= set(os.listdir(tmp_path / "store/packs"))


def test_gc_leaves_files_alone_that_are_not_its_own(saved):
    _, repo, _ = saved
    with open(os.path.join(repo.path, "packs", "README"), "w") as file:
        file.write("mine")
    repo.gc()
    assert os.path.exists(os.path.join(repo.path, "packs", "README"))


def test_an_init_that_was_cut_short_is_gone_on_with(tmp_path):
    place = tmp_path / "store"
    for name in ("packs", "manifests", "cache"):
        (place / name).mkdir(parents=True)
    (place / "config").write_bytes(b'{"ctxstore": "repos')
    with ctxstore.init(place) as repo, repo.edit("a/b") as draft:
        draft.messages.append({"role": "user", "content": "x"})
        draft.commit()
        assert repo.check(read_data=True).problems == ()
