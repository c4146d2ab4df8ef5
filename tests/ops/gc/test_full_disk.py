"""A full disk. Forgetting and collecting free space, and need only the reserve."""

from __future__ import annotations

import errno
import os
import random

import pytest

from ctxstore.errors import NoSpace
from ctxstore.history.engine import create, real_environment
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import transaction
from ctxstore.ops.retention.policy import Policy
from ctxstore.repo.repository import Repo
from ctxstore.storage.files import Files
from ctxstore.storage.local import LocalStorage
from ctxstore.storage.reserve import RESERVE


class SmallDisk(Files):
    """A disk of `capacity` bytes, unlimited until it is set."""

    def __init__(self, folder):
        self.folder = folder
        self.capacity = None

    def used(self):
        names = (os.path.join(path, name) for path, _, names in os.walk(self.folder) for name in names)
        return sum(os.stat(name).st_size for name in names if "/cache/" not in name)

    def write(self, fd, data):
        if self.capacity is not None and self.used() + len(data) > self.capacity:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(fd, data)


@pytest.fixture
def disk(tmp_path):
    return SmallDisk(str(tmp_path / "store"))


@pytest.fixture
def repo(disk):
    with Repo(create(LocalStorage(disk.folder, disk), real_environment("test")), disk.folder) as repo:
        yield repo


def add_commits(repo, number, size=100_000, ref="chat/alice"):
    draft = repo.edit(ref)
    for n in range(number):
        draft.files.put("big", random.Random(f"{ref} {n}").randbytes(size))
        draft.commit(f"turn {n}")


def forget(repo, *revisions):
    ids = [repo.resolve(rev).id for rev in revisions]
    with transaction(repo._engine) as tx:
        tx.forget({id: Forgotten(1, "a test") for id in ids})
        tx.publish([], "forget")


def is_whole(repo):
    return not repo.check(read_data=True).problems


def test_a_collection_on_a_full_disk_frees_what_is_wholly_dead(repo, disk):
    add_commits(repo, 5)
    forget(repo, "chat/alice~1", "chat/alice~2", "chat/alice~3")
    disk.capacity = disk.used()
    result = repo.gc()
    assert result.freed_now > 290_000
    assert is_whole(repo)
    assert os.path.getsize(os.path.join(disk.folder, "reserve")) == RESERVE
    draft = repo.edit("chat/bob")
    draft.messages.append("there is room again")
    draft.commit()


def test_sparse_packs_are_rewritten_one_by_one_when_there_is_no_room_for_all(repo, disk):
    for number in range(6):
        add_commits(repo, 3, 50_000, f"chat/{number}")
    repo.gc(recompress=True)  # all in one pack of each kind
    add_commits(repo, 4, 60_000, "chat/more")
    repo.gc()
    for number in range(6):
        forget(repo, f"chat/{number}~1", f"chat/{number}~2")
    forget(repo, "chat/more~1", "chat/more~2", "chat/more~3")
    before = disk.used()
    disk.capacity = before
    result = repo.gc()
    assert result.freed_now > 150_000
    assert is_whole(repo)
    disk.capacity = None
    repo.gc()
    assert disk.used() < before - 6 * 90_000


def test_what_finds_no_room_even_so_says_what_to_do_and_loses_nothing(repo, disk):
    with transaction(repo._engine) as tx:
        draft = repo.edit("chat/alice")
        tx.publish([], "test")
    draft.files.put("a", random.Random(1).randbytes(900_000))
    draft.files.put("b", random.Random(2).randbytes(900_000))
    draft.commit()
    draft.files.remove("b")
    draft.commit()
    forget(repo, "chat/alice~1")
    disk.capacity = disk.used()
    result = repo.gc()
    assert "too full" in result.reason
    assert is_whole(repo)
    disk.capacity = None
    assert repo.gc().freed_now > 800_000
    assert is_whole(repo)


def test_a_commit_on_a_full_disk_leaves_the_reserve_alone(repo, disk):
    add_commits(repo, 2)
    disk.capacity = disk.used()
    with pytest.raises(NoSpace):
        add_commits(repo, 1, ref="chat/bob")
    assert os.path.getsize(os.path.join(disk.folder, "reserve")) == RESERVE
    assert is_whole(repo)


def test_forgetting_finds_room_on_a_full_disk(repo, disk):
    add_commits(repo, 6)
    disk.capacity = disk.used()
    result = repo.plan_forget(Policy(last=1)).execute()
    assert result.op is not None
    assert repo.gc().freed_now > 490_000
    assert is_whole(repo)
    assert os.path.getsize(os.path.join(disk.folder, "reserve")) == RESERVE
