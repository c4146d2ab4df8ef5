"""Threads and processes that write at once. Every write succeeds or raises, and acknowledged data survives."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading

import pytest

import ctxstore
from ctxstore.errors import RefMoved


def run(*calls):
    failures = []

    def guarded(call):
        try:
            call()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


@pytest.mark.slow
def test_threads_commit_to_their_own_refs_while_others_read(any_repo):
    stop = threading.Event()
    commits = 25

    def write(name):
        draft = any_repo.edit(name)
        for number in range(commits):
            draft.messages.append({"n": number, "data": "x" * 200})
            draft.memories[f"k{number % 5}"] = number
            draft.commit()

    failures = []

    def read():
        try:
            while not stop.is_set():
                for name, head in any_repo.refs():
                    view = any_repo.view(head.id.hex())
                    found = [message["n"] for message in view.messages]
                    assert found == list(range(head.commit.summary.messages)), name
                    assert dict(view.memories)
        except BaseException as error:
            failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    try:
        run(*(lambda name=f"chat/{i}": write(name) for i in range(8)))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert failures == []
    for i in range(8):
        assert [m["n"] for m in any_repo.view(f"chat/{i}").messages] == list(range(commits))
        assert len(list(any_repo.log(f"chat/{i}"))) == commits
    assert len(list(any_repo.ops())) == 8 * commits
    assert any_repo.check(read_data=True).problems == ()


def test_threads_commit_to_their_own_refs(any_repo):
    def write(name):
        draft = any_repo.edit(name)
        for number in range(25):
            draft.messages.append({"n": number, "data": "x" * 200})
            draft.commit()

    run(*(lambda name=f"chat/{i}": write(name) for i in range(8)))
    for i in range(8):
        assert [m["n"] for m in any_repo.view(f"chat/{i}").messages] == list(range(25))
    assert any_repo.check(read_data=True).problems == ()


def test_threads_that_share_a_ref_try_again(any_repo):
    def write(me):
        for number in range(15):
            while True:
                draft = any_repo.edit("chat/shared")
                draft.messages.append([me, number])
                try:
                    draft.commit()
                    break
                except RefMoved:
                    continue

    run(*(lambda me=me: write(me) for me in range(4)))
    found = list(any_repo.view("chat/shared").messages)
    assert sorted(found) == [[me, number] for me in range(4) for number in range(15)]
    for me in range(4):
        assert [number for who, number in found if who == me] == list(range(15))
    assert len(list(any_repo.log("chat/shared"))) == 60


def test_two_handles_of_one_repository_see_each_others_commits(repo, place):
    with ctxstore.open(place) as other:
        for number in range(20):
            one, two = (repo, other) if number % 2 else (other, repo)
            draft = one.edit("chat/a")
            draft.messages.append(number)
            draft.commit()
            assert list(two.view("chat/a").messages) == list(range(number + 1))


WRITER = """
    import json, sys
    import ctxstore
    from ctxstore.errors import RefMoved

    place, me, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    own, shared, moved = [], [], 0
    with ctxstore.open(place) as repo:
        print("ready", flush=True)
        sys.stdin.readline()
        draft = repo.edit(f"chat/own{me}")
        for number in range(count):
            draft.messages.append([me, number, "x" * 300])
            own.append(draft.commit().id.hex())
            while True:
                other = repo.edit("chat/shared")
                other.messages.append([me, number])
                try:
                    shared.append(other.commit().id.hex())
                    break
                except RefMoved:
                    moved += 1
    print(json.dumps([own, shared, moved]))
"""


@pytest.fixture
def four(repo, place):
    """The commits that four processes report."""
    count = 25
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(place)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen([*command, str(me), str(count)], **pipes) for me in range(4)]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    said = []
    for process in started:
        out, errors = process.communicate(timeout=120)
        assert (process.returncode, errors) == (0, "")
        said.append(json.loads(out))
    return count, said


def test_processes_that_commit_at_once_lose_nothing_acknowledged(repo, place, four):
    count, said = four
    for me, (own, _, _) in enumerate(said):
        assert [id.hex() for id, _ in repo.log(f"chat/own{me}")] == own[::-1]
        assert [number for _, number, _ in repo.view(f"chat/own{me}").messages] == list(range(count))
    history = [id.hex() for id, _ in repo.log("chat/shared")]
    assert sorted(history) == sorted(id for _, shared, _ in said for id in shared)
    assert len(history) == 4 * count
    assert sorted(map(tuple, repo.view("chat/shared").messages)) == [(m, n) for m in range(4) for n in range(count)]
    assert len(list(repo.ops())) == 8 * count
    assert repo.check(read_data=True).problems == ()
    repo.gc()
    assert repo.check(read_data=True).problems == ()
    assert [id.hex() for id, _ in repo.log("chat/shared")] == history
    with ctxstore.open(place) as fresh:
        assert len(fresh.view("chat/shared").messages) == 4 * count
