"""The cost of a commit. It is durable when it returns, and costs about as much as it adds."""

from __future__ import annotations

import random

import pytest

import ctxstore
from ctxstore.storage.files import Files


def size_of(place):
    return (
        sum(path.stat().st_size for folder in ("packs", "manifests") for path in (place / folder).iterdir())
        + (place / "root").stat().st_size
    )


def message(number):
    """Makes a message of about 1 KB that hardly compresses."""
    return {"role": "user", "n": number, "content": random.Random(number).randbytes(480).hex()}


def test_three_hundred_commits_stay_small_and_few(repo, place):
    draft = repo.edit("chat/a")
    sizes = []
    for number in range(300):
        draft.messages.append(message(number))
        draft.commit()
        sizes.append(size_of(place))
    assert sizes[-1] / 300 <= 2048
    assert (sizes[-1] - sizes[199]) / 100 <= 2048
    assert len(list((place / "packs").iterdir())) < 24
    assert [m["n"] for m in repo.view("chat/a").messages] == list(range(300))
    assert repo.check(read_data=True).problems == ()


def test_one_more_commit_costs_the_same_however_long_the_context_is(repo, place):
    costs = []
    for length in (10, 3000):
        draft = repo.edit(f"chat/{length}")
        draft.messages.extend(message(number) for number in range(length))
        draft.commit()
        made = []
        for number in range(5):
            before = set((place / "packs").iterdir())
            draft.messages.append(message(-number - 1))
            draft.commit()
            made += [path.stat().st_size for path in set((place / "packs").iterdir()) - before]
        costs.append(sorted(made)[len(made) // 2])
    assert max(costs) <= 2500


def test_a_fork_stores_no_content(repo, place):
    draft = repo.edit("chat/a")
    draft.messages.extend(message(number) for number in range(500))
    draft.files.put("f", random.Random(1).randbytes(200_000))
    draft.commit()
    before = size_of(place)
    repo.fork("chat/a", "chat/b")
    assert size_of(place) - before < 1500


def test_a_commit_is_durable_when_it_returns(repo, monkeypatch):
    done = []
    for name in ("write", "sync", "rename", "sync_folder"):
        real = getattr(Files, name)

        def call(self, *arguments, _name=name, _real=real):
            done.append((_name, arguments[-1] if _name in ("rename", "sync_folder") else ""))
            return _real(self, *arguments)

        monkeypatch.setattr(Files, name, call)
    draft = repo.edit("chat/a")
    draft.messages.append("x")
    draft.commit()
    # The pack's bytes and name come first, then the root's. Each is durable before the next step.
    assert [name for name, _ in done] == ["write", "sync", "sync_folder", "write", "sync", "rename", "sync_folder"]
    assert done[2][1].endswith("packs")
    assert done[5][1].endswith("root")


def test_a_closed_repository_leaves_no_files_open(place):
    import os

    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    if before is None:
        pytest.skip("needs /proc")
    with ctxstore.init(place) as repo:
        draft = repo.edit("chat/a")
        draft.messages.append("x")
        draft.commit()
        repo.gc()
    assert len(os.listdir("/proc/self/fd")) <= before
