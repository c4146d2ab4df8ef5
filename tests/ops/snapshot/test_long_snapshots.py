"""Snapshots that take long. What was read is published, and another process's commits cost only their contexts."""

from __future__ import annotations

import pytest

import ctxstore
from ctxstore.ops.snapshot import capture, snapshot


@pytest.fixture
def during(monkeypatch):
    """A function that arranges a call before a file is read for the first time."""

    def arrange(path, call):
        real, done = capture.read_stable, []

        def read(reading, consume):
            if reading == str(path) and not done:
                done.append(reading)
                call()
            return real(reading, consume)

        monkeypatch.setattr(capture, "read_stable", read)

    return arrange


def read_whole(repo, home, session):
    return repo.view(home.ref(session)).read(f"projects/{home.project}/{session}.jsonl")


def test_a_long_snapshot_publishes_what_it_has_read(home, snap, repo, monkeypatch, settle, line):
    sessions = ("one", "two", "three")
    paths = [home.write(session) for session in sessions]
    monkeypatch.setattr(snapshot, "SLICE", 0.0)
    settle()
    report = snap(home)
    assert len(report.ops) == 3
    assert report.op == report.ops[-1]
    assert sorted(report.sources[0].new) == sorted(map(home.ref, sessions))
    assert {ref for ref, _ in report.commits} == set(map(home.ref, sessions))
    assert report.sources[0].bytes_read == sum(path.stat().st_size for path in paths)
    ops = [stored.op for stored in repo.ops()]
    assert sum(op.statistics["bytes_read"] for op in ops) == report.sources[0].bytes_read
    again = snap(home)
    assert (again.op, again.ops, again.sources[0].bytes_read) == (None, (), 0)
    home.append("two", line(6))
    assert snap(home).sources[0].changed == (home.ref("two"),)
    assert repo.check(read_data=True).problems == ()


def test_a_long_snapshot_that_ends_early_is_continued(home, snap, repo, monkeypatch, settle, during):
    first = home.write("one")
    home.write("two")
    last = home.write("zzz")
    monkeypatch.setattr(snapshot, "SLICE", 0.0)
    settle()

    def interrupt():
        raise KeyboardInterrupt

    during(last, interrupt)
    with pytest.raises(KeyboardInterrupt):
        snap(home)
    assert read_whole(repo, home, "one") == first.read_bytes()
    report = snap(home)
    assert report.sources[0].new == (home.ref("zzz"),)
    assert report.sources[0].bytes_read == last.stat().st_size


def test_large_sessions_are_read_after_small_ones(home, snap, monkeypatch):
    monkeypatch.setattr(snapshot, "LARGE", 5000)
    home.write("a", 200)
    home.write("b", 100)
    home.write("c", 6)
    home.write("d", 3)
    assert [ref for ref, _ in snap(home).commits] == list(map(home.ref, "cdba"))


def test_a_commit_of_another_process_costs_only_its_session(home, repo, place, line, during, is_sound):
    home.write("one")
    two = home.write("two")
    with ctxstore.open(place) as other:
        other.snapshot([home.target])
        home.append("one", line(6))
        home.append("two", line(6))

        def save_one():
            home.append("one", line(7))
            home.add(f"projects/{home.project}/one/subagents/agent-a.jsonl", line(0))
            other.snapshot([home.target], session=home.ref("one"))

        during(two, save_one)
        report = repo.snapshot([home.target])
    assert len(report.ops) == 1
    assert report.sources[0].changed == (home.ref("two"),)
    assert report.sources[0].unchanged == 1
    assert read_whole(repo, home, "two") == two.read_bytes()
    assert read_whole(repo, home, "one") == home.transcript("one").read_bytes()
    assert f"projects/{home.project}/one/subagents/agent-a.jsonl" in repo.view(home.ref("one")).files
    assert [len(commit.parents) for _, commit in repo.log(home.ref("one"))] == [1, 0]
    assert is_sound(repo)


def test_a_session_that_another_process_keeps_saving_does_not_stop_the_others(home, repo, place, line, monkeypatch):
    home.write("one")
    home.write("two")
    real = capture.read_stable
    with ctxstore.open(place) as other:

        def read(path, consume):
            home.append("one", line(9))
            reading = real(path, consume)
            if path.endswith("one.jsonl"):
                home.append("one", line(10))
                monkeypatch.setattr(capture, "read_stable", real)
                other.snapshot([home.target], session=home.ref("one"))
                monkeypatch.setattr(capture, "read_stable", read)
            return reading

        monkeypatch.setattr(capture, "read_stable", read)
        with pytest.raises(ctxstore.RefMoved):
            repo.snapshot([home.target])
    assert read_whole(repo, home, "two") == home.transcript("two").read_bytes()
