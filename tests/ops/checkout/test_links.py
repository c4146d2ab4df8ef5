"""Links: what a source reads through a link, a checkout in place writes through it, and follows no other link."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ctxstore.errors import Conflict
from ctxstore.ops.checkout.link_policy import LinkPolicy
from ctxstore.ops.checkout.pending_file import PendingFile
from ctxstore.ops.checkout.target_folder import TargetFolder
from ctxstore.ops.snapshot.targets import Target
from ctxstore.sources.aider import Aider
from ctxstore.sources.claude_code import ClaudeCode
from ctxstore.sources.directory import Directory
from ctxstore.sources.protocol import FoundContext, FoundFile, ReportSkipped, SourceHome


def write(folder: TargetFolder, path: str, data: bytes) -> None:
    pending = PendingFile(folder, path)
    try:
        pending.write(0, memoryview(data))
        pending.set_attributes(0o600, 10**18)
        pending.sync()
        pending.rename()
    finally:
        pending.discard()
    folder.sync_folders()


# -- in place


@pytest.mark.parametrize("link", ["projects", "projects/{}", "projects/{}/one"])
def test_a_session_comes_back_through_a_linked_folder(home, snap, repo, tmp_path, link):
    home.write("one")
    home.add(f"projects/{home.project}/one/subagents/agent-a.jsonl", b"{}\n")
    link = home.claude / link.format(home.project)
    disk = tmp_path / "disk"
    link.rename(disk)
    link.symlink_to(disk)
    snap(home)
    saved = home.transcript("one").read_bytes()
    home.transcript("one").write_bytes(b"spoiled")
    for _ in range(2):
        repo.plan_checkout(home.ref("one")).execute()
        assert home.transcript("one").read_bytes() == saved
    home.transcript("one").unlink()
    repo.plan_checkout(home.ref("one")).execute()
    assert home.transcript("one").read_bytes() == saved
    assert link.is_symlink()


class ReadsThroughLinks(ClaudeCode):
    """A source that saves what linked files contain."""

    def find_context(self, home: SourceHome, name: str, report: ReportSkipped) -> FoundContext | None:
        return next((each for each in self.contexts(home, report) if each.name == name), None)

    def contexts(self, home: SourceHome, report: ReportSkipped) -> Iterator[FoundContext]:
        for context in super().contexts(home, report):
            files = [
                FoundFile(f.key, os.path.realpath(f.path), os.stat(f.path))
                for f in context.files
                if os.path.exists(f.path)
            ]
            if files:
                yield FoundContext(context.name, files)


@pytest.mark.parametrize("state", ["changed", "deleted"])
def test_a_file_saved_through_a_link_is_written_through_it(home, repo, tmp_path, monkeypatch, state):
    monkeypatch.setattr("ctxstore.ops.content.conversation.get_source", lambda name: ReadsThroughLinks())
    monkeypatch.setattr("ctxstore.ops.checkout.safety_snapshot.get_source", lambda name: ReadsThroughLinks())
    dotfiles = tmp_path / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "CLAUDE.md").write_text("good")
    (home.claude / "CLAUDE.md").symlink_to(dotfiles / "CLAUDE.md")
    target = Target(ReadsThroughLinks(), home.target.home)
    ref = next(name for name, _ in repo.snapshot([target]).commits if name.endswith("/home"))
    assert repo.view(ref).read("CLAUDE.md") == b"good"
    (dotfiles / "CLAUDE.md").write_text("spoiled")
    if state == "deleted":
        (dotfiles / "CLAUDE.md").unlink()
    result = repo.plan_checkout(ref).execute()
    assert (dotfiles / "CLAUDE.md").read_text() == "good"
    assert (home.claude / "CLAUDE.md").is_symlink()
    assert [path.name for path in dotfiles.iterdir()] == ["CLAUDE.md"]
    if state == "changed":
        assert repo.view(result.safety_commit.hex()).read("CLAUDE.md") == b"spoiled"
        repo.plan_checkout(result.safety_commit.hex()).execute()
        assert (dotfiles / "CLAUDE.md").read_text() == "spoiled"
    assert repo.plan_checkout(ref).is_empty is (state == "deleted")


@pytest.mark.parametrize("state", ["changed", "deleted", "folder deleted"])
def test_a_single_file_saved_through_a_link_is_written_through_it(repo, tmp_path, state):
    real = tmp_path / "disk" / "real"
    real.parent.mkdir()
    real.write_text("good")
    (tmp_path / "link").symlink_to(real)
    ((ref, _),) = repo.snapshot([Target(Directory(), Directory().home_at(str(tmp_path / "link"), {}))]).commits
    real.write_text("spoiled") if state == "changed" else real.unlink()
    if state == "folder deleted":
        real.parent.rmdir()
        with pytest.raises(Conflict, match="whose folder does not exist"):
            repo.plan_checkout(ref).execute()
        return
    repo.plan_checkout(ref).execute()
    assert real.read_text() == "good"
    assert (tmp_path / "link").is_symlink()


def test_a_projects_link_leads_a_checkout_nowhere_outside(repo, tmp_path, monkeypatch):
    project, outside = tmp_path / "project", tmp_path / "outside"
    (project / ".aider/sessions").mkdir(parents=True)
    (project / ".aider.chat.history.md").write_text("# aider chat started at 2026-01-01 10:00:00\n\n#### hello\n")
    (project / ".aider/sessions/one.json").write_text("{}")
    source = Aider()
    target = Target(source, source.discover({"HOME": str(tmp_path), "PWD": str(project)})[0])
    ref = next(name for name, _ in repo.snapshot([target]).commits)
    (project / ".aider").rename(outside)
    (project / ".aider").symlink_to(outside)
    (outside / "sessions/one.json").write_text("the user's")
    with pytest.raises(Conflict):
        repo.plan_checkout(ref).execute()
    assert (outside / "sessions/one.json").read_text() == "the user's"


# -- the folder itself


@pytest.mark.parametrize("path", ["link/x", "link/new/x", "x", "deep/x"])
def test_a_target_writes_through_links_that_are_followed(tmp_path, path):
    base, other = tmp_path / "base", tmp_path / "other"
    (base / "deep").mkdir(parents=True)
    other.mkdir()
    (base / "link").symlink_to(other)
    for name in ("x", "deep/x"):
        (base / name).symlink_to(other / "file")
    with TargetFolder(str(base), LinkPolicy()) as folder:
        write(folder, path, b"1")
        assert folder.find(path) is not None
        os.close(folder.open_file(path))
    assert (base / path).read_bytes() == b"1"
    assert all((base / name).is_symlink() for name in ("link", "x", "deep/x"))
    with TargetFolder(str(base), LinkPolicy()) as folder:
        folder.remove(path)
    assert not (base / path).exists()
    assert all((base / name).is_symlink() for name in ("link", "x", "deep/x"))


@pytest.mark.parametrize("policy", [None, LinkPolicy(frozenset({"link", "x"})), LinkPolicy(boundary="{base}")])
def test_a_target_follows_no_other_links(tmp_path, policy):
    base, other = tmp_path / "base", tmp_path / "other"
    base.mkdir()
    other.mkdir()
    (other / "file").write_bytes(b"precious")
    (base / "link").symlink_to(other)
    (base / "x").symlink_to(other / "file")
    if policy is not None and policy.boundary:
        policy = policy._replace(boundary=str(base))
    with TargetFolder(str(base), policy) as folder:
        with pytest.raises(Conflict):
            write(folder, "link/file", b"1")
        if policy is None or not policy.boundary:
            write(folder, "x", b"1")
            assert (base / "x").read_bytes() == b"1" and not (base / "x").is_symlink()
    assert (other / "file").read_bytes() == b"precious"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change an owner")
def test_a_link_of_another_user_is_not_followed(tmp_path):
    base, other = tmp_path / "base", tmp_path / "other"
    base.mkdir()
    other.mkdir()
    (base / "link").symlink_to(other)
    os.chown(base / "link", 12345, 12345, follow_symlinks=False)
    with TargetFolder(str(base), LinkPolicy()) as folder, pytest.raises(Conflict):
        write(folder, "link/x", b"1")
    assert list(other.iterdir()) == []


def test_a_link_in_a_loop_is_a_conflict(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with TargetFolder(str(tmp_path), LinkPolicy()) as folder, pytest.raises((Conflict, OSError)):
        write(folder, "loop/x", b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["loop"]


def test_leftovers_of_killed_checkouts_are_removed_and_block_nothing(repo, tmp_path):
    folder = tmp_path / "notes"
    (folder / "deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        (folder / name).write_text("good")
    ((ref, _),) = repo.snapshot([Target(Directory(), Directory().home_at(str(folder), {}))]).commits
    for name in ("a", "deep/b"):
        (folder / name).write_text("spoiled")
    for number in range(300):  # those of a process with the same id, in another container
        (folder / f".ctx-{os.getpid()}-{number}.part").write_text("x")
    (folder / "deep" / ".ctx-0123456789abcdef.part").write_text("x")
    repo.plan_checkout(ref).execute()
    assert sorted(path.name for path in folder.rglob("*")) == ["a", "b", "deep"]
