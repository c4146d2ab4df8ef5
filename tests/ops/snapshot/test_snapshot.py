"""The report of a snapshot, and the changes for which it makes a commit."""

from __future__ import annotations

import pytest

from ctxstore.errors import InvalidInput
from ctxstore.ops.snapshot.targets import find_targets

LOST = b"".join([b'{"type":"user","uuid":"z","message":{"content":"', b"x" * 117, b'"}}\n'])


def test_a_first_snapshot_reports_every_context_as_new(home, snap, repo):
    home.write("one")
    home.write("two")
    home.add("settings.json", b"{}")
    report = snap(home, note="first")
    (found,) = report.sources
    assert found.new == ("claude-code/home", home.ref("one"), home.ref("two"))
    assert (found.changed, found.unchanged, found.vanished, found.shrunk, found.skipped) == ((), 0, (), (), ())
    assert found.source == "claude-code"
    assert found.root == str(home.claude)
    assert [ref for ref, _ in report.commits] == list(found.new)
    assert report.op == next(iter(repo.ops()))[0]
    assert found.bytes_read == sum(p.stat().st_size for p in home.claude.rglob("*") if p.is_file())
    assert found.bytes_new > 0
    assert report.bytes_stored > 0
    assert report.duration > 0


def test_a_snapshot_reports_only_what_changed(home, snap, line, settle):
    home.write("one")
    home.write("two")
    snap(home)
    settle()
    snap(home)
    home.append("two", line(6))
    (found,) = snap(home).sources
    assert (found.new, found.changed, found.unchanged) == ((), (home.ref("two"),), 1)
    assert found.bytes_read == home.transcript("two").stat().st_size


def test_no_change_makes_no_commit_and_no_op(home, snap, repo, place, stored_files, settle):
    home.write("one")
    snap(home)
    before = stored_files(place)
    report = snap(home)
    assert (report.op, report.commits, report.bytes_stored) == (None, (), 0)
    settle()
    report = snap(home, note="a note does not change that")
    assert (report.op, report.commits, report.bytes_stored) == (None, (), 0)
    assert stored_files(place) == before
    assert len(list(repo.ops())) == 1
    (found,) = snap(home).sources
    assert (found.unchanged, found.bytes_read) == (1, 0)


def test_the_note_and_kind_are_kept(home, snap, repo):
    home.write("one")
    snap(home, note="before the rewrite", kind="full")
    commit = repo.resolve(home.ref("one")).commit
    assert (commit.note, commit.kind, commit.source) == ("before the rewrite", "full", "claude-code")
    assert next(iter(repo.ops()))[1].note == "before the rewrite"


def test_an_unknown_kind_is_refused(home, snap):
    with pytest.raises(InvalidInput):
        snap(home, kind="partial")


def test_a_vanished_context_keeps_its_ref_and_is_reported_each_time(home, snap, repo):
    home.write("one")
    home.write("two")
    snap(home)
    head = repo.find_ref(home.ref("one"))
    kept = home.transcript("one").read_bytes()
    home.transcript("one").unlink()
    for _ in range(3):
        report = snap(home)
        assert report.sources[0].vanished == (home.ref("one"),)
        assert report.op is None
        assert repo.find_ref(home.ref("one")) == head
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == kept


def test_a_vanished_context_that_comes_back_goes_on_from_its_last_commit(home, snap, repo, line):
    home.write("one")
    first = snap(home)
    data = home.transcript("one").read_bytes()
    home.transcript("one").unlink()
    snap(home)
    home.transcript("one").write_bytes(data + line(6))
    report = snap(home)
    assert report.sources[0].vanished == ()
    assert report.sources[0].changed == (home.ref("one"),)
    assert repo.resolve(home.ref("one")).commit.parents == (first.commits[0][1],)
    assert repo.resolve(home.ref("one")).commit.summary.messages == 7


def test_a_chat_overwritten_by_169_bytes_is_recorded_flagged_and_can_be_brought_back(home, snap, repo):
    home.write("one", 40)
    good = snap(home).commits[0][1]
    whole = home.transcript("one").read_bytes()
    assert len(LOST) == 169
    home.transcript("one").write_bytes(LOST)
    report = snap(home)
    (shrunk,) = report.sources[0].shrunk
    assert (shrunk.ref, shrunk.before, shrunk.after, shrunk.unit) == (home.ref("one"), 40, 1, "messages")
    assert shrunk.last_good == good
    commit = repo.resolve(home.ref("one")).commit
    assert commit.shrunk
    assert commit.parents == (good,)
    key = f"projects/{home.project}/one.jsonl"
    assert repo.view(home.ref("one")).read(key) == LOST
    assert repo.view(good.hex()).read(key) == whole


def test_a_chat_that_lost_a_few_messages_is_not_flagged(home, snap, repo):
    home.write("one", 40)
    snap(home)
    home.write("one", 30)
    report = snap(home)
    assert report.sources[0].shrunk == ()
    assert not repo.resolve(home.ref("one")).commit.shrunk


def test_a_folder_that_lost_most_of_its_bytes_is_flagged(tmp_path, snap, folder_target):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a").write_bytes(b"a" * 9000)
    target = folder_target(folder)
    snap(target)
    (folder / "a").write_bytes(b"a" * 100)
    (shrunk,) = snap(target).sources[0].shrunk
    assert (shrunk.before, shrunk.after, shrunk.unit) == (9000, 100, "bytes")


def test_a_session_whose_transcript_is_deleted_but_not_its_folder_is_flagged(home, snap, repo):
    home.write("one", 40)
    home.add(f"projects/{home.project}/one/tool-results/t.txt", b"output")
    good = snap(home).commits[0][1]
    home.transcript("one").unlink()
    report = snap(home)
    (shrunk,) = report.sources[0].shrunk
    assert (shrunk.ref, shrunk.before, shrunk.after, shrunk.last_good) == (home.ref("one"), 40, 0, good)
    assert repo.resolve(home.ref("one")).commit.summary.messages == 0


def test_a_session_filter_takes_only_the_contexts_it_names(home, snap, repo, line):
    home.write("abc-1")
    home.write("abd-2")
    report = snap(home, session="abc")
    assert report.sources[0].new == (home.ref("abc-1"),)
    assert report.sources[0].vanished == ()
    assert repo.find_ref(home.ref("abd-2")) is None
    snap(home)
    home.append("abc-1", line(6))
    home.append("abd-2", line(6))
    assert snap(home, session="abd-2").sources[0].changed == (home.ref("abd-2"),)
    assert snap(home).sources[0].changed == (home.ref("abc-1"),)


def test_one_context_is_taken_by_its_whole_name(home, snap, repo):
    home.write("abc")
    home.write("abc-1")
    assert snap(home, session=home.ref("abc")).sources[0].new == (home.ref("abc"),)
    assert snap(home, session=home.ref("abc") + "/x").commits == ()
    assert snap(home, session="claude-code/../abc").commits == ()
    assert repo.find_ref(home.ref("abc-1")) is None


def test_a_commit_is_made_of_what_is_as_it_was_if_that_is_asked_for(home, snap, repo):
    home.write("one")
    home.write("two")
    first = dict(snap(home).commits)[home.ref("one")]
    (made,) = snap(home, session="one", always=True, note="now").commits
    commit = repo.resolve(home.ref("one")).commit
    assert (made[0], commit.parents, commit.note) == (home.ref("one"), (first,), "now")
    assert snap(home).commits == ()


def test_what_vanished_is_reported_after_a_filtered_snapshot_without_a_cache(home, snap, place):
    home.write("one")
    home.write("two")
    snap(home)
    home.transcript("one").unlink()
    for cache in (place / "cache").glob("stat-*"):
        cache.unlink()
    snap(home, session="two")
    assert snap(home).sources[0].vanished == (home.ref("one"),)


def test_a_filtered_snapshot_does_not_hide_that_another_ref_was_moved(home, snap, repo, line, settle):
    home.write("one")
    home.write("two")
    first = snap(home).commits[0][1]
    home.append("one", line(6))
    second = snap(home).commits[0][1]
    settle()
    snap(home)
    repo.set_ref(home.ref("one"), first, expected=second)
    home.append("two", line(6))
    snap(home, session="two")
    report = snap(home)
    assert report.sources[0].changed == (home.ref("one"),)
    assert repo.resolve(home.ref("one")).commit.parents == (first,)


def test_an_incremental_snapshot_takes_state_and_keeps_the_artifacts_of_the_last_commit(home, snap, repo, line):
    home.write("one")
    result = home.add(f"projects/{home.project}/one/tool-results/t.txt", b"old output")
    history = home.add("file-history/one/abc@v1", b"old version")
    snap(home, kind="full")
    result.write_bytes(b"new output")
    history.write_bytes(b"new version")
    home.append("one", line(6))
    report = snap(home, kind="incremental")
    assert report.sources[0].changed == (home.ref("one"),)
    assert report.sources[0].bytes_read == home.transcript("one").stat().st_size
    view = repo.view(home.ref("one"))
    assert view.commit.kind == "incremental"
    assert view.read(f"projects/{home.project}/one.jsonl") == home.transcript("one").read_bytes()
    assert view.read(f"projects/{home.project}/one/tool-results/t.txt") == b"old output"
    assert view.read("file-history/one/abc@v1") == b"old version"
    assert snap(home, kind="incremental").op is None
    assert snap(home).sources[0].changed == (home.ref("one"),)
    view = repo.view(home.ref("one"))
    assert view.read(f"projects/{home.project}/one/tool-results/t.txt") == b"new output"
    assert view.read("file-history/one/abc@v1") == b"new version"


def test_an_empty_home_is_no_error(home, snap, repo):
    report = snap(home)
    assert report.op is None
    (found,) = report.sources
    assert (found.new, found.unchanged, found.vanished) == ((), 0, ())
    assert list(repo.refs()) == []


def test_a_home_that_is_gone_reports_its_contexts_as_vanished(home, snap, repo):
    home.write("one")
    snap(home)
    home.claude.rename(home.path / "elsewhere")
    assert snap(home).sources[0].vanished == (home.ref("one"),)
    assert repo.find_ref(home.ref("one")) is not None


def test_a_folder_that_is_gone_is_reported_as_vanished_and_keeps_its_ref(tmp_path, snap, repo, folder_target):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    target = folder_target(folder)
    ref, head = snap(target).commits[0]
    folder.rename(tmp_path / "elsewhere")
    report = snap(target)
    assert report.op is None
    assert report.sources[0].vanished == (ref,)
    assert repo.find_ref(ref) == head
    (tmp_path / "elsewhere").rename(folder)
    assert snap(target).sources[0].vanished == ()


def test_a_folder_that_was_emptied_is_recorded_as_empty(tmp_path, snap, repo, folder_target):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    target = folder_target(folder)
    snap(target)
    (folder / "a").unlink()
    report = snap(target)
    assert len(report.sources[0].changed) == 1
    assert list(repo.view(report.commits[0][0]).files) == []


def test_a_target_named_twice_is_taken_once(home, snap, repo):
    home.write("one")
    report = snap(home, home)
    assert len(report.commits) == 1
    assert sum(len(found.new) for found in report.sources) == 1


def test_two_sources_are_one_op(home, snap, repo, tmp_path, folder_target):
    home.write("one")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a").write_bytes(b"a")
    report = snap(home, folder_target(tmp_path / "notes"))
    assert [len(found.new) for found in report.sources] == [1, 1]
    ((_, op, _),) = repo.ops()
    assert len(op.changes) == 2


def test_targets_are_found_from_the_environment_by_name_and_by_path(home, tmp_path):
    environ = {"HOME": str(home.path)}
    assert [t.home.path for t in find_targets([], environ)] == [str(home.claude)]
    assert [t.home.path for t in find_targets(["claude-code"], environ)] == [str(home.claude)]
    assert [t.source.name for t in find_targets([str(tmp_path)], environ)] == ["directory"]


def test_a_memory_repository_snapshots_without_a_cache(home, line):
    import ctxstore

    home.write("one")
    with ctxstore.init("memory:") as repo:
        assert len(repo.snapshot([home.target]).commits) == 1
        assert repo.snapshot([home.target]).op is None
        home.append("one", line(6))
        assert len(repo.snapshot([home.target]).commits) == 1
