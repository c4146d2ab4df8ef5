"""A repository that is open twice, a model of it, and their comparison."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine, invariant

from ctxstore.errors import CtxstoreError, NotFound
from ctxstore.history.commits import Author
from ctxstore.history.engine import Environment, create, open_engine
from ctxstore.history.oplog import Op, read_op
from ctxstore.ids import ObjectId
from ctxstore.ops.content.view import View
from ctxstore.ops.gc.sweep import iter_litter
from ctxstore.repo.repository import Repo
from ctxstore.storage.local import LocalStorage
from ctxstore.storage.memory import MemoryStorage
from ctxstore.storage.protocol import Storage
from ctxstore.trees.entries import MEMORIES, MESSAGES, DirEntry, FileEntry
from tests.faults.machine.model import Content, Kept, Made, Model, State
from tests.faults.machine.scratch import CHUNKER, size_of, tree_of
from tests.faults.machine.trapped import Crashed, Trap, Trapped
from tests.verifier import Verified, verify_files, verify_folder

SECOND = 10**9
HOUR = 3600 * SECOND
YEAR = 365 * 24 * HOUR
SCRATCH = "/dev/shm" if os.path.isdir("/dev/shm") else None

T = TypeVar("T")


class World(RuleBasedStateMachine):
    """Two handles on one repository, as two programs have them. Their changes go through `publishing`."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.place = tempfile.mkdtemp(dir=SCRATCH)
        self.model = Model()
        self.policies: dict[bytes, int] = {}
        """The number of commits that the policy in a setting's record keeps."""
        self.now = 1_700_000_000 * SECOND
        self._random = random.Random(0)
        self._inner: Storage = MemoryStorage() if kind == "memory" else LocalStorage(self._path("repository"))
        self.cache = self._path("cache") if kind == "memory" else self._path("repository/cache")
        self._dead: list[Repo] = []
        os.makedirs(self._path("cache"))
        environment = Environment(self._clock, self._random.randbytes, Author("ada", "engine", "test"))
        self._environment = environment
        create(self._inner, environment, CHUNKER).close()
        self.storages = [Trapped(self._inner, self.cache) for _ in range(2)]
        self.repos = [self._open(n) for n in range(2)]

    def _path(self, name: str) -> str:
        return os.path.join(self.place, name)

    def _clock(self) -> int:
        self.now += SECOND
        return self.now

    def _open(self, n: int) -> Repo:
        return Repo(open_engine(self.storages[n], self._environment), self.place)

    def reopen(self, n: int, *, crashed: bool = False) -> None:
        """Gives handle `n` a program of its own again. A crashed program closes nothing."""
        if crashed:
            self._dead.append(self.repos[n])
        else:
            self.repos[n].close()
        self.storages[n] = Trapped(self._inner, self.cache)
        self.repos[n] = self._open(n)
        self.on_reopen(n)

    def on_reopen(self, n: int) -> None:
        """Discards everything that handle `n` had begun."""

    # -- what writes

    @contextmanager
    def trap(self, n: int, trap: Trap | None) -> Iterator[None]:
        """Sets a trap for handle `n` within the block."""
        storage = self.storages[n]
        storage.trap = trap
        try:
            yield
        except Crashed:
            self.reopen(n, crashed=True)
        finally:
            storage.trap = None

    def publishing(
        self,
        call: Callable[[], T],
        follow: Callable[[Op], State],
        n: int,
        trap: Trap | None,
        *,
        may_be_nothing: bool = False,
    ) -> T | None:
        """Makes a call that publishes an op, and updates the model: `follow` computes the state after the op.

        Returns None if the call crashed. The caller handles its errors. None of them has published anything.
        """
        result = None
        try:
            with self.trap(n, trap):
                result = call()
        except CtxstoreError:
            assert self._newest() == self.model.ops[-1].id, "a call that failed has published something"
            raise
        if self._newest() != self.model.ops[-1].id:  # a crash may have come after the swap
            self._follow(follow)
        else:
            assert may_be_nothing or (trap is not None and trap.has_crashed), (
                "a call that was acknowledged has published nothing"
            )
        return result

    def _follow(self, follow: Callable[[Op], State]) -> None:
        id = self._newest()
        assert id is not None
        op = read_op(self.repos[0]._engine.store, ObjectId(id))
        assert op.previous == self.model.ops[-1].id, "an op was published that nobody knows of"
        old = self.model.state
        new = follow(op)
        changes = {change.ref: (change.old, change.new) for change in op.changes}
        expected = {
            name: (old.refs.get(name), new.refs.get(name))
            for name in {**old.refs, **new.refs}
            if old.refs.get(name) != new.refs.get(name)
        }
        assert {name: change for name, change in changes.items() if change[0] != change[1]} == expected
        self.model.publish(id, new, op.undoes)

    def _newest(self) -> bytes | None:
        return self.repos[0]._engine.root().op

    def commit_made(self, ref: str, id: bytes, content: Content, parents: tuple[bytes, ...]) -> None:
        """Asserts that a commit was published as intended, and that its tree is the one made from scratch."""
        commit = self.repos[0].resolve(id.hex()).commit
        generation = max((self.model.commits[parent].generation + 1 for parent in parents), default=0)
        assert (commit.parents, commit.generation, commit.ref) == (parents, generation, ref)
        assert commit.tree == tree_of(content), "the same content made from scratch has another id"
        summary = commit.summary
        lengths = (summary.messages or 0, summary.memories, summary.bytes)
        assert lengths == (len(content.messages or ()), len(content.memories or ()), size_of(content))
        assert summary.files == sum(kept.data is not None for kept in content.files.values())
        self.model.commits[id] = Made(content, parents, generation, commit.time, ref, commit.source, commit.shrunk)

    # -- what is compared after every step

    @invariant()
    def both_handles_see_the_refs(self) -> None:
        for repo in self.repos:
            engine = repo._engine
            root = engine.root()
            assert root.op == self.model.ops[-1].id
            assert dict(engine.refs(root).iter_all()) == self.model.refs
            forgotten = engine.forgotten(root)
            assert {id: forgotten.find(id) for id in forgotten.ids()} == self.model.state.forgotten

    # -- what is compared now and then

    def check_commit(self, repo: Repo, id: bytes) -> None:
        """Asserts that a commit reads as it was acknowledged. A commit that was forgotten and collected is reported as
        such."""
        try:
            found = read(repo.view(id.hex()))
        except NotFound as error:
            assert self.model.may_be_gone(id), error
            assert "forgotten" in error.message or "collected" in error.message, error.message
            return
        assert_same(found, self.model.content(id))

    def check_history(self, repo: Repo) -> None:
        """Asserts that every context, log and op is the model's."""
        assert {name: stored.id for name, stored in repo.refs()} == self.model.contexts
        for name, head in self.model.contexts.items():
            assert [stored.id for stored in repo.log(name)] == self.model.history(head)
        if setting := self.model.refs.get("setting:policy/mine"):
            assert repo.get_policy("mine").last == self.policies[setting]
        ops = list(repo.ops())
        assert [id for id, _, _ in ops] == [done.id for done in self.model.ops[:0:-1]]
        for (_, op, _), done in zip(ops, self.model.ops[:0:-1], strict=True):
            assert op.undoes == done.undoes
            assert dict(repo._engine.refs_at(op.refs).iter_all()) == done.state.refs
            assert set(repo._engine.forgotten_at(op.forgotten).ids()) == done.state.forgotten.keys()

    def check_all(self, repo: Repo) -> None:
        """Checks everything."""
        self.check_history(repo)
        for id in self.model.commits:
            self.check_commit(repo, id)
        assert repo.check(read_data=True).problems == ()

    def check_by_the_format(self) -> None:
        """Asserts that a reader that shares no code with the store finds the same."""
        found = self._verify()
        state = self.model.state
        tags = {name.removeprefix("tag:"): id for name, id in state.refs.items() if name.startswith("tag:")}
        assert (found.refs, found.tags) == (state.contexts, tags)
        assert found.forgotten == state.forgotten
        assert found.ops == [done.id for done in self.model.ops[:0:-1]]
        for id, made in self.model.commits.items():
            assert tuple(found.commits[id][2]) == made.parents
            if id in state.held or id not in state.forgotten:
                assert id in found.complete
                content = made.content
                messages, memories = list(content.messages or ()), dict(content.memories or {})
                assert (found.messages(id), found.memories(id)) == (messages, memories)
                assert found.files(id) == {p: kept.data for p, kept in content.files.items() if kept.data is not None}

    def _verify(self) -> Verified:
        if isinstance(self._inner, MemoryStorage):
            root = self._inner.read_root()
            assert root is not None
            return verify_files({**self._inner._values, "root": root})
        return verify_folder(self._path("repository"))

    def check_no_litter(self) -> None:
        """Asserts that the storage holds nothing that the root does not name."""
        engine = self.repos[0]._engine
        assert list(iter_litter(engine, engine.root())) == []

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:  # an earlier failure explains more
                self.reopen(0)
                self.check_all(self.repos[0])
                self.check_by_the_format()
        finally:
            for repo in (*self.repos, *self._dead):
                repo.close()
            shutil.rmtree(self.place)


def read(view: View) -> Content:
    """Reads everything a commit holds, every byte of it."""
    files: dict[str, Kept] = {}
    for path, entry in view.files.entries():
        assert isinstance(entry, (FileEntry, DirEntry))
        files[path] = Kept(view.read(path) if isinstance(entry, FileEntry) else None, entry.mode, entry.mtime_ns)
    messages = tuple(view.messages) if view.find_native(MESSAGES) else None
    memories = dict(view.memories) if view.find_native(MEMORIES) else None
    return Content(messages, memories, files)


def assert_same(found: Content, expected: Content) -> None:
    """Compares the parts one by one, so that a failure shows which part differs."""
    assert found.messages == expected.messages
    assert found.memories == expected.memories
    assert found.files == dict(expected.files)


def hours(count: Any) -> int:
    """Converts hours to nanoseconds."""
    return int(count * HOUR)
