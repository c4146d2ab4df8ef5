"""The steps of a workload for injected errors. Each step works on the repository that the earlier steps left."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import ctxstore.repo.open
from ctxstore.history.commits import Author
from ctxstore.history.engine import Environment
from ctxstore.history.transaction import transaction
from ctxstore.ids import Kind
from ctxstore.ops.retention.policy import Policy
from ctxstore.ops.snapshot.targets import Target
from ctxstore.packs.compact import FAN
from ctxstore.sources.directory import Directory
from tests.faults.acknowledged import Content, Ledger


class World(NamedTuple):
    """A folder with a repository and a folder that is saved."""

    folder: str
    ledger: Ledger

    @property
    def place(self) -> str:
        return os.path.join(self.folder, "repository")

    @property
    def target(self) -> Target:
        path = os.path.join(self.folder, "work")
        return Target(Directory(), Directory().home_at(path, {}))


def environment(seed: str) -> Environment:
    """Makes a clock and random bytes that are the same in every run."""
    source = random.Random(seed)
    now = [1_800_000_000_000_000_000]

    def clock() -> int:
        now[0] += 1_000_000
        return now[0]

    return Environment(clock, source.randbytes, Author("ada", "engine", "test"))


def open_repo(world: World, seed: str) -> ctxstore.Repo:
    return ctxstore.repo.open.open(world.place, environment=environment(seed))


def commit(world: World, repo: ctxstore.Repo, ref: str = "chat/a") -> None:
    world.ledger.commit(repo, ref)


def commit_merging(world: World, repo: ctxstore.Repo) -> None:
    """Makes the commit that completes the number of small packs for a merge."""
    commit(world, repo, "chat/b")


def commit_often(world: World, repo: ctxstore.Repo) -> None:
    while len(repo._engine.live_packs()) < FAN - 1:
        commit(world, repo)


def snapshot(world: World, repo: ctxstore.Repo) -> None:
    report = repo.snapshot([world.target])
    work = Path(world.folder, "work")
    content = Content([], {}, {path.name: path.read_bytes() for path in work.iterdir()})
    for ref, id in report.commits:
        world.ledger.add(ref, id, content)


def snapshot_more(world: World, repo: ctxstore.Repo) -> None:
    work = Path(world.folder, "work")
    (work / "one").write_bytes(random.Random("more").randbytes(50_000))
    (work / "two").unlink()
    snapshot(world, repo)


def fork(world: World, repo: ctxstore.Repo) -> None:
    made = repo.fork("chat/a", "chat/fork")
    world.ledger.add("chat/fork", made.id, world.ledger.commits[made.id])


def remove(world: World, repo: ctxstore.Repo) -> None:
    head = repo.find_ref("chat/fork")
    world.ledger.drop("chat/fork")
    repo.set_ref("chat/fork", None, expected=head)


def forget(world: World, repo: ctxstore.Repo) -> None:
    world.ledger.allow_forgetting("chat/a")
    repo.forget(Policy(last=2), "chat/a")


def undo(world: World, repo: ctxstore.Repo) -> None:
    repo.plan_undo().execute()
    world.ledger.forgettable.clear()


def tag(world: World, repo: ctxstore.Repo) -> None:
    repo.tag("kept", "chat/a~1")


def rename(world: World, repo: ctxstore.Repo) -> None:
    """Renames a context. Until this is acknowledged, either name may exist."""
    head = world.ledger.heads[("chat/b", "")][-1]
    world.ledger.drop("chat/b")
    repo.rename("chat/b", "chat/c")
    world.ledger.add("chat/c", head, world.ledger.commits[head])


def merge(world: World, repo: ctxstore.Repo) -> None:
    made = repo.merge("chat/a", "chat/c", into="chat/merged")
    world.ledger.heads[("chat/merged", "")] = [made.stored.id]


def drop(world: World, repo: ctxstore.Repo) -> None:
    world.ledger.drop("chat/merged")
    repo.plan_drop("chat/merged").execute()


def forget_again(world: World, repo: ctxstore.Repo) -> None:
    forget(world, repo)


def collect_forgotten(world: World, repo: ctxstore.Repo) -> None:
    repo.gc()


def damage(world: World) -> None:
    """Truncates a pack and deletes the root. Everything in them can be derived from the rest."""
    pack = max(Path(world.place, "packs").iterdir(), key=lambda path: (path.stat().st_size, path.name))
    for path in (pack, Path(world.place, "root")):
        path.write_bytes(path.read_bytes()[:-9])


def waste(world: World, repo: ctxstore.Repo) -> None:
    """Leaves dead packs, and one that no root lists."""
    with transaction(repo._engine) as tx:
        for number in range(3):
            tx.writer.put(Kind.CHUNK, random.Random(number).randbytes(20_000))
        tx.publish([], "test")
    try:
        with transaction(repo._engine) as tx:
            tx.writer.put(Kind.CHUNK, b"unpublished")
            tx.writer.flush()
            raise KeyError
    except KeyError:
        pass


def collect(world: World, repo: ctxstore.Repo) -> None:
    repo.gc()


def recompress(world: World, repo: ctxstore.Repo) -> None:
    repo.gc(recompress=True)


def read(world: World, repo: ctxstore.Repo) -> None:
    """Reads everything with a reader that has no cache."""
    with open_repo(world, "reader") as fresh:
        for ref, _ in fresh.refs():
            for id, _ in fresh.log(ref):
                content = world.ledger.commits.get(id)
                view = fresh.view(id.hex())
                assert content is None or not content.messages or list(view.messages) == content.messages
                assert content is None or all(view.read(path) == data for path, data in content.files.items())


def check(world: World, repo: ctxstore.Repo) -> None:
    """Checks the repository. Unreadable files may be reported as problems; only an unreadable root raises."""
    repo.check(read_data=True)


Step = Callable[[World, ctxstore.Repo], None]
WORKLOAD: list[Step] = [
    *(commit, commit_often, commit_merging, snapshot, snapshot_more),
    *(fork, remove, forget, undo, tag, rename, merge, drop, waste),
    *(read, check, collect, recompress, forget_again, collect_forgotten),
]
STEPS = [step for step in WORKLOAD if step not in (commit_often, snapshot, waste, forget_again)]
"""The steps that errors are injected into. The others only repeat these calls."""
READERS = [read, check]
COLLECTIONS = [collect, recompress, collect_forgotten]
