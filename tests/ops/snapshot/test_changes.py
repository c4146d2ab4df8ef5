"""Changes of files. A snapshot notices every kind of change, and saves the exact bytes."""

from __future__ import annotations

import os
import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ctxstore
from ctxstore.ops.snapshot import stable_read, stat_cache
from ctxstore.sources.claude_code import ClaudeCode

SLOW = settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))


def spoil_cache(place, how):
    for cache in (place / "cache").glob("stat-*"):
        if how == "deleted":
            cache.unlink()
        elif how == "garbage":
            cache.write_bytes(os.urandom(300))
        elif how == "empty":
            cache.write_bytes(b"")
        elif how == "truncated":
            os.truncate(cache, cache.stat().st_size // 2)
        else:
            data = bytearray(cache.read_bytes())
            data[len(data) // 2] ^= 1
            cache.write_bytes(data)


@pytest.mark.parametrize("how", ["deleted", "garbage", "empty", "truncated", "flipped"])
def test_a_lost_or_damaged_stat_cache_changes_nothing_but_time(home, snap, place, settle, line, how):
    home.write("one")
    home.write("two")
    home.write("gone")
    snap(home)
    home.transcript("gone").unlink()
    settle()
    snap(home)
    spoil_cache(place, how)
    report = snap(home)
    assert (report.op, report.sources[0].unchanged) == (None, 2)
    assert report.sources[0].vanished == (home.ref("gone"),)
    assert report.sources[0].bytes_read > 0
    spoil_cache(place, how)
    home.append("two", line(6))
    assert snap(home).sources[0].changed == (home.ref("two"),)


def test_the_cache_of_another_repository_is_not_believed(home, snap, place, tmp_path, settle, line):
    home.write("one")
    snap(home)
    home.append("one", line(6))
    settle()
    with ctxstore.init(tmp_path / "other") as other:
        other.snapshot([home.target])
        settle()
        other.snapshot([home.target])
    for cache in (tmp_path / "other" / "cache").glob("stat-*"):
        shutil.copy(cache, place / "cache")
    assert snap(home).sources[0].changed == (home.ref("one"),)


def test_a_file_touched_within_the_granularity_of_time_is_read_again(home, snap, monkeypatch, settle):
    home.write("one")
    settle()
    snap(home)
    assert snap(home).sources[0].bytes_read == 0
    # A file that is younger than a minute may have been changed again with the same stamp.
    monkeypatch.setattr(stat_cache, "GRANULARITY_NS", 60 * 10**9)
    report = snap(home)
    assert (report.op, report.sources[0].unchanged) == (None, 1)
    assert report.sources[0].bytes_read == home.transcript("one").stat().st_size


def test_whole_seconds_are_taken_for_a_coarse_file_system():
    now = 1_800_000_000 * 10**9 + 5
    row = stat_cache.StatRow(b"k", 1, now - 10**9 - 5, now - 10**9 - 5, 1, 0o100644, b"")
    assert not row.is_trusted(now)
    assert row.is_trusted(now + 2 * 10**9)
    assert row._replace(mtime_ns=1, ctime_ns=2).is_trusted(now)


def test_same_size_and_time_with_other_bytes_is_noticed(home, snap, repo, settle):
    path = home.write("one")
    settle()
    snap(home)
    before = path.stat()
    data = path.read_bytes().replace(b"weaves", b"WEAVES")
    with path.open("r+b") as file:
        file.write(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    settle()
    assert path.stat()[:7] == before[:7]
    assert snap(home).sources[0].changed == (home.ref("one"),)
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == data


def test_a_file_replaced_by_one_of_the_same_size_and_time_is_noticed(home, snap, repo, settle):
    path = home.write("one")
    settle()
    snap(home)
    before = path.stat()
    data = path.read_bytes().replace(b"weaves", b"WEAVES")
    other = path.with_suffix(".new")
    other.write_bytes(data)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    settle()
    assert snap(home).sources[0].changed == (home.ref("one"),)
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == data


def test_a_session_that_was_only_touched_is_no_new_state(home, snap, repo, settle):
    path = home.write("one")
    snap(home)
    settle()
    path.chmod(0o600)
    assert snap(home).sources[0].changed == (home.ref("one"),)
    os.utime(path, ns=(5, 6_000_000_007))
    report = snap(home)
    assert (report.op, report.sources[0].changed, report.sources[0].unchanged) == (None, (), 1)
    home.append("one", b"{}\n")
    os.utime(path, ns=(5, 7_000_000_007))
    assert snap(home).sources[0].changed == (home.ref("one"),)
    entry = repo.view(home.ref("one")).get_file(f"projects/{home.project}/one.jsonl")
    assert (entry.mode, entry.mtime_ns) == (0o600, 7_000_000_007)


def test_of_what_is_no_session_a_change_of_time_only_is_a_commit(home, snap, repo, settle):
    path = home.add("settings.json", b"{}")
    snap(home)
    settle()
    os.utime(path, ns=(5, 6_000_000_007))
    assert snap(home).sources[0].changed == ("claude-code/home",)
    assert repo.view("claude-code/home").get_file("settings.json").mtime_ns == 6_000_000_007


edits = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 60_000)),
        st.tuples(st.just("rewrite"), st.integers(0, 100_000), st.integers(1, 5_000)),
        st.tuples(st.just("truncate"), st.integers(0, 100_000)),
        st.tuples(st.just("replace"), st.integers(0, 100_000)),
        st.tuples(st.just("insert"), st.integers(0, 100_000), st.integers(1, 5_000)),
    ),
    min_size=1,
    max_size=6,
)


def edited(data, edit, seed):
    import random

    fresh = random.Random(seed).randbytes
    kind, *numbers = edit
    if kind == "append":
        return data + fresh(numbers[0])
    if kind == "truncate":
        return data[: numbers[0]]
    if kind == "replace":
        return fresh(numbers[0])
    at, size = min(numbers[0], len(data)), numbers[1]
    return data[:at] + fresh(size) + data[at + (size if kind == "rewrite" else 0) :]


@given(edits=edits)
@SLOW
def test_every_state_of_a_file_comes_back_byte_for_byte(tmp_path_factory, folder_target, edits):
    base = tmp_path_factory.mktemp("edits")
    folder, states = base / "notes", []
    folder.mkdir()
    data = b""
    with ctxstore.init(base / "repository") as repo:
        for number, edit in enumerate([("append", 30_000), *edits]):
            data = edited(data, edit, number)
            (folder / "a").write_bytes(data)
            report = repo.snapshot([folder_target(folder)])
            # The same bytes within one tick of the clock are the same state.
            states += [(id.hex(), data) for _, id in report.commits] or [(states[-1][0], data)]
        for number, (id, expected) in enumerate(states):
            repo.plan_checkout(id, to=str(base / str(number))).execute()
            assert (base / str(number) / "a").read_bytes() == expected
        assert repo.check(read_data=True).problems == ()


PIECES = [
    b'{"type":"user","uuid":"u1","cwd":"/one","message":{"content":"First"}}\n',
    b'{"type":"user","uuid":"u2","cwd":"/two","message":{"content":"Second"}}\n',
    b'{"type":"assistant","uuid":"a1","message":{"model":"engine-1","content":"ok"}}\n',
    b'{"type":"assistant","uuid":"a2","message":{"model":"engine-2","content":"ok"}}\n',
    b'{"type":"system","content":"x"}\n',
    b'{"type":"progress","data":{"type":"user"}}\n',
    b'{"type":"user","uuid":"u3","mess',
    b'{"type":"user"}{"type":"user"}\n',
    b'{\n  "type": "user"\n}\n',
    b'{"type":\n',
    b'  "user"}\n',
    b"}\n",
    b"]\n",
    b"not json\n",
    b"\n",
    b"\xff\xfe\n",
    b'{"type":"custom-title","customTitle":"Mine"}\n',
]


@given(parts=st.lists(st.lists(st.sampled_from(PIECES), max_size=5), min_size=2, max_size=5))
@SLOW
def test_what_is_known_of_a_session_after_appends_is_what_a_fresh_scan_finds(tmp_path_factory, parts):
    from ctxstore.ops.snapshot.targets import Target
    from ctxstore.sources.protocol import SourceHome

    base = tmp_path_factory.mktemp("appends")
    project = base / ".claude" / "projects" / "p"
    project.mkdir(parents=True)
    target = Target(ClaudeCode(), SourceHome("claude-code", str(base / ".claude"), ".claude"))
    with ctxstore.init(base / "repository") as repo:
        for part in parts:
            with (project / "s.jsonl").open("ab") as file:
                file.write(b"".join(part))
            report = repo.snapshot([target])
            scanner = ClaudeCode().scanner("claude-code/p/s", "projects/p/s.jsonl")
            scanner.feed((project / "s.jsonl").read_bytes())
            fresh = scanner.finish()
            summary = repo.resolve("claude-code/p/s").commit.summary
            assert summary[:5] == tuple(fresh)
            assert report.sources[0].shrunk == ()


def appending_reads(monkeypatch, path, data, times):
    """Appends `data` to `path` during each of its first `times` reads."""
    real, left = os.read, [times]

    def read(fd, size):
        block = real(fd, size)
        if left[0] and os.path.samestat(os.fstat(fd), path.stat()):
            left[0] -= 1
            with path.open("ab") as file:
                file.write(data)
        return block

    monkeypatch.setattr(os, "read", read)
    return left


def test_a_file_that_changes_while_it_is_read_is_read_again(home, snap, repo, line, monkeypatch):
    path = home.write("one")
    left = appending_reads(monkeypatch, path, line(6), 1)
    snap(home)
    assert left == [0]
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == path.read_bytes()
    assert repo.resolve(home.ref("one")).commit.summary.messages == 7


def test_a_file_that_changes_at_every_reading_is_kept_and_read_again_next_time(
    home, snap, repo, line, monkeypatch, settle
):
    path = home.write("one")
    before = path.read_bytes()
    left = appending_reads(monkeypatch, path, line(6), stable_read.TRIES)
    snap(home)
    assert left == [0]
    key = f"projects/{home.project}/one.jsonl"
    kept = repo.view(home.ref("one")).read(key)
    assert path.read_bytes().startswith(kept)
    assert len(kept) >= len(before)
    settle()
    assert snap(home).sources[0].changed == (home.ref("one"),)
    assert repo.view(home.ref("one")).read(key) == path.read_bytes()
    assert snap(home).op is None


def test_a_known_file_that_grows_while_its_addition_is_read_is_summed_up_once(home, snap, repo, line, monkeypatch):
    path = home.write("one")
    snap(home)
    home.append("one", line(6))
    appending_reads(monkeypatch, path, line(7), 2)
    snap(home)
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == path.read_bytes()
    assert repo.resolve(home.ref("one")).commit.summary.messages == 9


def test_short_reads_do_not_cut_a_file_off(home, snap, repo, monkeypatch):
    path = home.write("one", 200)
    real = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: real(fd, min(size, 1000)))
    snap(home)
    monkeypatch.undo()
    assert repo.view(home.ref("one")).read(f"projects/{home.project}/one.jsonl") == path.read_bytes()


def test_appending_stores_about_what_was_appended(home, snap, line):
    home.write("one", 2000)
    first = snap(home)
    home.append("one", line(2000))
    second = snap(home)
    assert second.sources[0].bytes_new < 40_000 < first.sources[0].bytes_new
    assert second.bytes_stored < 4_000
