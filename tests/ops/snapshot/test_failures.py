"""Full disks, sudden ends, and concurrent writers."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import ctxstore
from ctxstore.errors import Corrupt, StorageError
from ctxstore.ops.retention.policy import Policy
from ctxstore.storage.files import Files


def full_disk(monkeypatch, calls_left, code=errno.ENOSPC):
    """Makes the n-th write of the storage and all later ones fail after half of the data."""
    real, left = Files.write, [calls_left]

    def write(self, fd, data):
        if left[0] <= 0:
            real(self, fd, memoryview(data)[: len(data) // 2])
            raise OSError(code, os.strerror(code))
        left[0] -= 1
        real(self, fd, data)

    monkeypatch.setattr(Files, "write", write)


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
def test_no_space_is_a_storage_error_that_costs_nothing_saved(home, repo, line, monkeypatch, is_sound, writes):
    def snap(home):
        return repo.snapshot([home.target])

    home.write("one", 50)
    snap(home)
    good = home.transcript("one").read_bytes()
    head = repo.find_ref(home.ref("one"))
    home.append("one", b"".join(line(i, text=random.Random(i).randbytes(9000).hex()) for i in range(50, 500)))
    with monkeypatch.context() as patched:
        full_disk(patched, writes)
        with pytest.raises(StorageError) as caught:
            snap(home)
        assert "free some space" in caught.value.hint
        assert repo.find_ref(home.ref("one")) == head
        assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == good
    assert is_sound(repo)
    assert snap(home).sources[0].changed == (home.ref("one"),)
    assert repo.resolve(home.ref("one")).commit.parents == (head,)
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == home.transcript("one").read_bytes()
    repo.gc()
    assert is_sound(repo)


def test_a_failed_sync_is_a_storage_error(home, snap, repo, monkeypatch):
    home.write("one")

    def sync(self, fd):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(Files, "sync", sync)
        with pytest.raises(StorageError):
            snap(home)
    assert repo.find_ref(home.ref("one")) is None
    assert len(snap(home).commits) == 1


def test_a_cache_that_cannot_be_written_is_no_error(home, snap, repo, place, monkeypatch):
    home.write("one")
    real = Files.rename

    def rename(self, old, new):
        if "stat-" in new:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(self, old, new)

    monkeypatch.setattr(Files, "rename", rename)
    assert len(snap(home).commits) == 1
    assert snap(home).op is None
    assert not list((place / "cache").glob("stat-*"))


RUN = """
    import sys
    import ctxstore
    from ctxstore.ops.snapshot.targets import Target, find_targets
    from ctxstore.sources.claude_code import ClaudeCode
    from ctxstore.sources.protocol import SourceHome

    place, home, folder = sys.argv[1:]
    with ctxstore.open(place) as repo:
        agent = Target(ClaudeCode(), SourceHome("claude-code", home, ".claude"))
        targets = [agent] if home else find_targets([folder], {})
        print("ready", flush=True)
        sys.stdin.readline()
        for _ in range(10):
            report = repo.snapshot(targets)
        print("done", flush=True)
"""


def start(place, home="", folder=""):
    run = [sys.executable, "-c", textwrap.dedent(RUN), str(place), str(home), str(folder)]
    return subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(*processes, while_running=lambda: None):
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    while any(process.poll() is None for process in processes):
        while_running()
        time.sleep(0.005)
    for process in processes:
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, out, errors) == (0, "done\n", "")


def test_two_processes_that_snapshot_one_home_both_succeed(home, repo, place, line, is_sound):
    home.write("one")
    home.write("two", 100)
    number = [100]

    def append():
        home.append("two", line(number[0]))
        number[0] += 1

    finish(start(place, home.claude), start(place, home.claude), while_running=append)
    repo.snapshot([home.target])
    history = list(repo.log(home.ref("two")))
    assert [len(commit.parents) for _, commit in history] == [1] * (len(history) - 1) + [0]
    assert len(list(repo.log(home.ref("one")))) == 1
    messages = [commit.summary.messages for _, commit in history]
    assert messages == sorted(messages, reverse=True)
    assert len(set(messages)) == len(messages)
    assert repo.view(home.ref("two")).read(f"projects/{home.project}/two.jsonl") == home.transcript("two").read_bytes()
    assert is_sound(repo)


def test_two_sources_at_once_both_succeed(home, repo, place, tmp_path, line, is_sound):
    home.write("one")
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    number = [6]

    def change():
        home.append("one", line(number[0]))
        (folder / "a").write_bytes(b"%d" % number[0])
        number[0] += 1

    finish(start(place, home.claude), start(place, folder=folder), while_running=change)
    names = [name for name, _ in repo.refs()]
    assert len(names) == 2
    assert len([op for _, op, _ in repo.ops()]) == sum(len(list(repo.log(name))) for name in names)
    assert is_sound(repo)


def test_two_threads_that_snapshot_one_home_both_succeed(home, repo, line, is_sound):
    home.write("one", 100)
    failures = []

    def run():
        try:
            for _ in range(10):
                repo.snapshot([home.target])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(100, 130):
        home.append("one", line(number))
    for thread in threads:
        thread.join()
    assert failures == []
    repo.snapshot([home.target])
    assert repo.resolve(home.ref("one")).commit.summary.messages == 130
    assert is_sound(repo)


KILLED = """
    import sys, random
    import ctxstore
    from ctxstore.ops.snapshot.targets import find_targets

    with ctxstore.open(sys.argv[1]) as repo:
        print("ready", flush=True)
        repo.snapshot(find_targets([sys.argv[2]], {}))
    print("done", flush=True)
"""


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_a_snapshot_that_is_killed_leaves_a_good_repository(tmp_path, repo, place, folder_target, is_sound, share):
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "small").write_bytes(b"saved before")
    first = repo.snapshot([folder_target(folder)])
    size = 16 << 20
    (folder / "large").write_bytes(random.Random(1).randbytes(size))
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(place), str(folder)], stdout=subprocess.PIPE, text=True
    )
    known = {path.name for path in (place / "packs").iterdir()}
    assert process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < deadline:
        grown = sum(path.stat().st_size for path in (place / "packs").iterdir() if path.name not in known)
        if grown >= share * size:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert is_sound(repo)
    assert repo.view(first.commits[0][0] + "~0").read("small") == b"saved before"
    repo.snapshot([folder_target(folder)])
    assert repo.view(first.commits[0][0]).read("large") == (folder / "large").read_bytes()
    assert len(list(repo.log(first.commits[0][0]))) == 2
    repo.gc()
    assert is_sound(repo)
    stored = sum(path.stat().st_size for path in (place / "packs").iterdir())
    assert stored < 1.1 * size
    (folder / "large").unlink()


def test_a_root_left_half_written_by_a_crash_does_not_matter(home, snap, repo, place, is_sound):
    home.write("one")
    snap(home)
    (place / "root.new").write_bytes(b"half")
    home.write("two")
    assert snap(home).sources[0].new == (home.ref("two"),)
    assert is_sound(repo)


def test_a_damaged_root_is_refused_and_nothing_is_written(home, snap, place, stored_files):
    home.write("one")
    snap(home)
    data = bytearray((place / "root").read_bytes())
    data[len(data) // 2] ^= 1
    (place / "root").write_bytes(data)
    before = stored_files(place)
    with pytest.raises(Corrupt), ctxstore.open(place) as again:
        again.snapshot([home.target])
    assert stored_files(place) == before


@pytest.mark.parametrize("kind", ["link", "folder"])
def test_a_transcript_that_is_no_file_any_more_is_a_shrink_and_what_it_was_is_kept(home, snap, repo, kind):
    home.write("one", 40)
    good = snap(home).commits[0][1]
    transcript = home.transcript("one")
    transcript.unlink()
    if kind == "link":
        transcript.symlink_to("elsewhere")
    else:
        transcript.mkdir()
    (shrunk,) = snap(home).sources[0].shrunk
    assert (shrunk.ref, shrunk.before, shrunk.after, shrunk.last_good) == (home.ref("one"), 40, 0, good)
    transcript.with_suffix("").mkdir()
    snap(home)
    repo.forget(Policy(last=1))
    assert good not in repo.forgotten()
