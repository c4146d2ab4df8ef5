"""Homes and folders with unusual files, and with files that cannot be read."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import textwrap

import pytest

import ctxstore
from ctxstore.sources import walk


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "notes"
    path.mkdir()
    return path


def refuse(monkeypatch, name, path, code=errno.EACCES):
    """Makes the call `os.<name>` fail for one path, as permissions do for every user but root."""
    real = getattr(os, name)

    def call(given, *rest, **options):
        if given == str(path):
            raise OSError(code, os.strerror(code), given)
        return real(given, *rest, **options)

    monkeypatch.setattr(os, name, call)


def test_an_unreadable_file_keeps_its_last_state_and_is_reported(home, snap, repo, line, monkeypatch):
    home.write("one")
    path = home.add(f"projects/{home.project}/one/tool-results/t.txt", b"before")
    snap(home)
    path.write_bytes(b"after")
    home.append("one", line(6))
    with monkeypatch.context() as patched:
        refuse(patched, "open", path)
        report = snap(home)
    (skipped,) = report.sources[0].skipped
    assert skipped.path == str(path)
    assert "Permission denied" in skipped.reason
    view = repo.view(home.ref("one"))
    assert view.read(f"projects/{home.project}/one/tool-results/t.txt") == b"before"
    assert view.read(f"projects/{home.project}/one.jsonl") == home.transcript("one").read_bytes()
    assert snap(home).sources[0].skipped == ()
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one/tool-results/t.txt") == b"after"


def test_an_unreadable_transcript_makes_no_commit_and_loses_nothing(home, snap, repo, line, monkeypatch):
    path = home.write("one")
    head = snap(home).commits[0][1]
    home.append("one", line(6))
    with monkeypatch.context() as patched:
        refuse(patched, "open", path, errno.EIO)
        report = snap(home)
    assert report.op is None
    assert len(report.sources[0].skipped) == 1
    assert repo.find_ref(home.ref("one")) == head
    assert snap(home).sources[0].changed == (home.ref("one"),)


def test_a_new_context_of_which_nothing_can_be_read_is_tried_again(home, snap, repo, monkeypatch):
    path = home.write("one")
    with monkeypatch.context() as patched:
        refuse(patched, "open", path)
        report = snap(home)
    assert (report.op, report.sources[0].new, len(report.sources[0].skipped)) == (None, (), 1)
    assert repo.find_ref(home.ref("one")) is None
    assert snap(home).sources[0].new == (home.ref("one"),)


def test_a_file_that_vanishes_between_listing_and_reading_is_reported(home, snap, repo, line, monkeypatch):
    home.write("one")
    path = home.write("two")
    kept = path.read_bytes()
    snap(home)
    home.append("one", line(6))
    home.append("two", line(6))
    real = os.open

    def vanish(given, *rest, **options):
        if given == str(path):
            path.unlink(missing_ok=True)
        return real(given, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", vanish)
        report = snap(home)
    assert [skipped.path for skipped in report.sources[0].skipped] == [str(path)]
    assert report.sources[0].changed == (home.ref("one"),)
    assert repo.view(home.ref("two")).read(f"projects/{home.project}/two.jsonl") == kept
    assert snap(home).sources[0].vanished == (home.ref("two"),)


def test_a_folder_put_in_a_files_place_between_listing_and_reading_is_reported(home, snap, monkeypatch):
    path = home.write("one")
    home.write("two")
    real = os.open

    def swap(given, *rest, **options):
        if given == str(path) and path.is_file():
            path.unlink()
            path.mkdir()
        return real(given, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", swap)
        report = snap(home)
    assert [skipped.path for skipped in report.sources[0].skipped] == [str(path)]
    assert report.sources[0].new == (home.ref("two"),)


def test_a_fifo_put_in_a_files_place_between_listing_and_reading_is_not_an_empty_file(home, snap, monkeypatch):
    path = home.write("one")
    snap(home)
    home.append("one")
    real = os.open

    def swap(given, *rest, **options):
        if given == str(path) and path.is_file():
            path.unlink()
            os.mkfifo(path)
        return real(given, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", swap)
        report = snap(home)
    assert [skipped.path for skipped in report.sources[0].skipped] == [str(path)]
    assert report.commits == ()


def test_a_link_put_in_a_files_place_between_listing_and_reading_is_not_followed(
    home, snap, repo, tmp_path, monkeypatch
):
    path = home.write("one")
    (tmp_path / "elsewhere").write_bytes(b"not this user's")
    real = os.open

    def swap(given, *rest, **options):
        if given == str(path) and not path.is_symlink():
            path.unlink()
            path.symlink_to(tmp_path / "elsewhere")
        return real(given, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", swap)
        report = snap(home)
    assert len(report.sources[0].skipped) == 1
    assert report.op is None


def test_a_folder_that_cannot_be_listed_keeps_the_last_state_of_what_is_in_it(
    folder, snap, repo, folder_target, monkeypatch
):
    (folder / "open").mkdir()
    (folder / "open" / "a").write_bytes(b"1")
    (folder / "shut" / "deep").mkdir(parents=True)
    (folder / "shut" / "deep" / "b").write_bytes(b"2")
    (folder / "shut-too").write_bytes(b"3")
    target = folder_target(folder)
    ref = snap(target).commits[0][0]
    (folder / "open" / "a").write_bytes(b"changed")
    (folder / "shut-too").unlink()
    for _ in range(2):
        with monkeypatch.context() as patched:
            refuse(patched, "scandir", folder / "shut")
            report = snap(target)
        assert [skipped.path for skipped in report.sources[0].skipped] == [str(folder / "shut")]
        view = repo.view(ref)
        assert list(view.files) == ["open", "open/a", "shut", "shut/deep", "shut/deep/b"]
        assert (view.read("open/a"), view.read("shut/deep/b")) == (b"changed", b"2")
    (folder / "shut" / "deep" / "b").unlink()
    snap(target)
    assert list(repo.view(ref).files) == ["open", "open/a", "shut", "shut/deep"]


@pytest.mark.parametrize("beside", ["file-history/one/a@v1", "tasks/one/1.json"])
def test_a_session_s_files_in_a_folder_of_all_sessions_that_cannot_be_listed_are_kept(
    home, snap, repo, monkeypatch, beside
):
    home.write("one", 4)
    home.add(beside, b"beside")
    snap(home)
    home.write("one", 6)
    with monkeypatch.context() as patched:
        refuse(patched, "scandir", home.claude / beside.partition("/")[0])
        report = snap(home)
    assert report.sources[0].changed == (home.ref("one"),)
    assert repo.view(home.ref("one")).read(beside) == b"beside"


def test_a_root_that_cannot_be_listed_keeps_all_of_it(folder, snap, repo, folder_target, monkeypatch):
    (folder / "a").write_bytes(b"1")
    target = folder_target(folder)
    ref, head = snap(target).commits[0]
    with monkeypatch.context() as patched:
        refuse(patched, "scandir", folder)
        report = snap(target)
    assert (report.op, len(report.sources[0].skipped)) == (None, 1)
    assert repo.find_ref(ref) == head


def test_fifos_and_sockets_are_skipped_and_named(folder, snap, repo, folder_target, monkeypatch):
    (folder / "a").write_bytes(b"1")
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("plug")
    report = snap(folder_target(folder))
    named = {skipped.path: skipped.reason for skipped in report.sources[0].skipped}
    assert named == {str(folder / "pipe"): "a FIFO", str(folder / "plug"): "a socket"}
    assert list(repo.view(report.commits[0][0]).files) == ["a"]


def test_secrets_are_never_stored(folder, home, snap, repo, folder_target):
    home.write("one")
    home.add(".credentials.json", b"hunter2")
    home.add("agents/auth.json", b"hunter2")
    (folder / "deep").mkdir()
    for name in walk.SECRETS:
        (folder / "deep" / name).write_bytes(b"hunter2")
    report = snap(home, folder_target(folder))
    assert {os.path.basename(s.path) for found in report.sources for s in found.skipped} == walk.SECRETS
    for ref, _ in repo.refs():
        view = repo.view(ref)
        assert not any(os.path.basename(path) in walk.SECRETS for path in view.files)


def test_names_that_are_not_utf8_survive_snapshot_log_and_checkout(
    tmp_path, snap, repo, folder_target, checkout, state_of
):
    base = os.fsencode(tmp_path) + b"/n\xff\xfeme"
    os.makedirs(base + b"/in \xff\n\xe9/\xc3")
    with open(base + b"/in \xff\n\xe9/\xc3/\xff\xff.txt", "wb") as file:
        file.write(b"\xff")
    os.symlink(b"\xff/to\xfe", base + b"/l\xffnk")
    report = snap(folder_target(os.fsdecode(base)))
    ref = report.commits[0][0]
    ((id, commit),) = repo.log(ref)
    assert os.fsencode(commit.root) == base
    assert id == report.commits[0][1]
    assert [name for name, _ in repo.refs()] == [ref]
    checkout(ref, tmp_path / "back")
    assert state_of(tmp_path / "back") == state_of(os.fsdecode(base))
    assert snap(folder_target(os.fsdecode(base))).op is None


def test_links_empty_files_empty_folders_modes_and_times_come_back_exactly(
    folder, snap, folder_target, checkout, state_of, tmp_path
):
    (folder / "empty").write_bytes(b"")
    (folder / "hollow" / "deep").mkdir(parents=True)
    (folder / "run").write_bytes(b"#!")
    (folder / "run").chmod(0o751)
    (folder / "locked").write_bytes(b"x")
    (folder / "locked").chmod(0)
    (folder / "dangling").symlink_to("../no/such/place")
    (folder / "here").symlink_to(".")
    os.utime(folder / "dangling", ns=(1, 1_234_567_890_123_456_789), follow_symlinks=False)
    os.utime(folder / "run", ns=(1, 999_999_999))
    os.utime(folder / "empty", ns=(1, -1_000_000_001))
    (folder / "hollow").chmod(0o777)
    os.utime(folder / "hollow" / "deep", ns=(1, 2_000_000_003))
    os.utime(folder / "hollow", ns=(1, 4_000_000_005))
    (folder / "hollow" / "deep").chmod(0o500)
    ref = snap(folder_target(folder)).commits[0][0]
    checkout(ref, tmp_path / "back")
    assert state_of(tmp_path / "back") == state_of(folder)


def test_set_user_id_set_group_id_and_sticky_bits_do_not_come_back(folder, snap, folder_target, checkout, tmp_path):
    (folder / "run").write_bytes(b"#!")
    (folder / "run").chmod(0o6751)
    (folder / "hollow").mkdir()
    (folder / "hollow").chmod(0o1777)
    ref = snap(folder_target(folder)).commits[0][0]
    checkout(ref, tmp_path / "back")
    assert (tmp_path / "back" / "run").stat().st_mode & 0o7777 == 0o751
    assert (tmp_path / "back" / "hollow").stat().st_mode & 0o7777 == 0o777


def test_a_single_file_is_a_context(folder, snap, repo, folder_target, checkout, tmp_path):
    (folder / "a.txt").write_bytes(b"1")
    (folder / "b.txt").write_bytes(b"2")
    ref = snap(folder_target(folder / "a.txt")).commits[0][0]
    assert list(repo.view(ref).files) == ["a.txt"]
    checkout(ref, tmp_path / "back")
    assert (tmp_path / "back" / "a.txt").read_bytes() == b"1"


def test_a_repository_among_the_files_is_left_out(folder, repo, folder_target, snap):
    (folder / "a").write_bytes(b"1")
    with ctxstore.init(folder / "inner"):
        pass
    (folder / ".ctx").mkdir()
    (folder / ".ctx" / "config").write_bytes(b"x")
    report = snap(folder_target(folder))
    assert list(repo.view(report.commits[0][0]).files) == ["a"]
    assert len(report.sources[0].skipped) == 2


LARGE = """
    import os, sys
    import ctxstore
    from ctxstore.ops.snapshot.targets import Target
    from ctxstore.sources.directory import Directory

    place, folder, back = sys.argv[1:]
    with open(folder + "/large", "wb") as file:
        for number in range(100):
            file.write(os.urandom(1 << 20))
        file.truncate(200 << 20)
    with ctxstore.init(place) as repo:
        report = repo.snapshot([Target(Directory(), Directory().home_at(folder, {}))])
        assert report.sources[0].bytes_read == 200 << 20
        repo.plan_checkout(report.commits[0][0], to=back).execute()
    with open("/proc/self/status") as status:
        print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""


@pytest.mark.slow
def test_a_large_file_is_streamed(folder, tmp_path):
    arguments = [str(tmp_path / "large-repository"), str(folder), str(tmp_path / "back")]
    run = [sys.executable, "-c", textwrap.dedent(LARGE), *arguments]
    peak = int(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
    assert peak <= 120 * 1024
    with (folder / "large").open("rb") as one, (tmp_path / "back" / "large").open("rb") as other:
        while block := one.read(1 << 20):
            assert block == other.read(1 << 20)
        assert not other.read(1)
    (folder / "large").unlink()
    (tmp_path / "back" / "large").unlink()


def test_what_a_killed_checkout_left_is_no_part_of_a_folder(folder, snap, repo, folder_target):
    (folder / ".ctx-12-3.part").write_bytes(b"half a file")
    (folder / ".ctx-mine.part").write_bytes(b"the user's own")
    report = snap(folder_target(folder))
    assert [os.path.basename(each.path) for each in report.sources[0].skipped] == [".ctx-12-3.part"]
    assert ".ctx-mine.part" in repo.view(report.commits[0][0]).files
