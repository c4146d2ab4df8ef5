"""Programs that use a store, with a plain model of the store's promises."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ctxstore.history.commits import Author
from ctxstore.history.engine import Environment, create, open_engine
from ctxstore.history.forgotten import Forgotten
from ctxstore.history.transaction import transaction
from ctxstore.ids import ObjectId
from ctxstore.objects.chunker import ChunkerSettings
from ctxstore.ops.snapshot.targets import Target
from ctxstore.repo.repository import Repo
from ctxstore.sources.directory import Directory
from ctxstore.storage.local import LocalStorage
from tests.faults.oracle import NOTHING, Content, Promise
from tests.faults.simulated import SimulatedFiles

PLACE = "/home/repository"
HOUR = 3600 * 10**9


class Folder(LocalStorage):
    """A repository's folder without a cache, which holds nothing that may be lost."""

    def cache_folder(self) -> str | None:
        return None


def make_environment(seed: int) -> Environment:
    """Makes a clock that advances an hour with every reading, and incompressible random bytes."""
    ticks = count(1_700_000_000 * 10**9 + seed * HOUR, HOUR)
    return Environment(lambda: next(ticks), random.Random(seed).randbytes, Author("ada", "engine", "test"))


class Session:
    """Writes through the library. `promises` has the first state, and one state for each call that returned."""

    def __init__(
        self,
        files: SimulatedFiles,
        promise: Promise = NOTHING,
        storage: Callable[[str, Any], LocalStorage] = Folder,
        seed: int = 0,
    ) -> None:
        environment = make_environment(seed)
        self.noise = environment.random
        self.promises = [promise]
        self._open = lambda: Repo(open_engine(storage(PLACE, files), environment), PLACE)
        self._create = lambda: Repo(
            create(storage(PLACE, files), environment, ChunkerSettings(1024, 256, 4096, 0)), PLACE
        )
        self.repo = self._open() if promise.exists else None

    @property
    def promise(self) -> Promise:
        return self.promises[-1]

    def _promise(self, **changes: Any) -> None:
        self.promises.append(self.promise._replace(**changes))

    def _used(self, repo: Repo | None) -> Repo:
        found = repo or self.repo
        assert found is not None
        return found

    def another(self) -> Repo:
        """Opens the repository as another process does."""
        return self._open()

    def init(self) -> None:
        self.repo = self._create()
        self._promise(exists=True)

    def commit(
        self,
        ref: str,
        added: Content,
        *,
        meanwhile: Callable[[], None] = lambda: None,
        repo: Repo | None = None,
    ) -> bytes:
        """Commits an addition to a context, and returns the commit's id.

        Calls `meanwhile` when the commit has begun and is not yet written.
        """

        def blocks(data: bytes) -> Iterator[bytes]:
            meanwhile()
            yield data

        draft = self._used(repo).edit(ref)
        draft.messages.extend(added.messages)
        draft.memories.update(added.memories)
        for path, data in added.files.items():
            draft.files.put(path, blocks(data), mtime_ns=0)
        id = draft.commit(f"to {ref}").id
        before = self.promise
        old = before.commits[before.refs[ref]] if ref in before.refs else Content()
        self._promise(refs={**before.refs, ref: id}, commits={**before.commits, id: old.plus(added)})
        return id

    def snapshot(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Saves a folder of the real file system after writing these files to it."""
        for name, data in files.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            os.utime(path, ns=(0, 0))
        target = Target(Directory(), Directory().home_at(folder, {}))
        ((ref, id),) = self._used(None).snapshot([target]).commits
        before = self.promise
        self._promise(refs={**before.refs, ref: id}, commits={**before.commits, id: Content(files=files)})

    def forget(self, *ids: bytes) -> None:
        with transaction(self._used(None)._engine) as tx:
            tx.forget({ObjectId(id): Forgotten(0, "a test") for id in ids})
            tx.publish([], "forget")
        self._promise(forgotten=self.promise.forgotten | {*ids})

    def fork(self, ref: str, new: str) -> None:
        self._used(None).fork(ref, new)
        self._promise(refs={**self.promise.refs, new: self.promise.refs[ref]})

    def rename(self, old: str, new: str) -> None:
        self._used(None).rename(old, new)
        refs = {name: id for name, id in self.promise.refs.items() if name != old}
        self._promise(refs={**refs, new: self.promise.refs[old]})

    def drop(self, ref: str) -> None:
        self._used(None).plan_drop(ref).execute()
        self._promise(refs={name: id for name, id in self.promise.refs.items() if name != ref})

    def tag(self, name: str, ref: str) -> None:
        self._used(None).tag(name, ref)
        self._promise(tags={**self.promise.tags, name: self.promise.refs[ref]})

    def merge(self, ref: str, other: str, added: Content) -> None:
        """Merges into a context the content `added` to another since the fork."""
        self._used(None).merge(ref, other, into=ref)
        id = self._used(None).find_ref(ref)
        before = self.promise
        content = before.commits[before.refs[ref]].plus(added)
        self._promise(refs={**before.refs, ref: id}, commits={**before.commits, id: content})

    def undo(self) -> None:
        """Undoes the last change."""
        self._used(None).plan_undo().execute()
        before = self.promises[-2]
        self._promise(refs=before.refs, tags=before.tags, forgotten=before.forgotten)

    def gc(self, *, recompress: bool = False, repo: Repo | None = None) -> None:
        self._used(repo).gc(recompress=recompress)
        self._promise()


def make_packs_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lowers the limits: a few commits then fill several packs and need a manifest."""
    monkeypatch.setattr("ctxstore.history.root.INLINE_PACKS", 4)
    monkeypatch.setattr("ctxstore.history.root.RECENT_PACKS", 2)
    monkeypatch.setattr("ctxstore.packs.writer.PACK_TARGET", 8 << 10)


def run(session: Session) -> None:
    """Runs every command that writes at least once: a year of use, in small."""
    session.init()
    for number in range(8):
        text = {"role": "user", "text": f"message {number}"}
        session.commit("chat/a", Content([text], {"count": number}))
    for number in range(4):
        files = {f"src/{number}.py": b"print(%d)\n" % number, "log": session.noise(300)}
        session.commit("chat/b", Content(files=files))
    session.fork("chat/a", "chat/c")
    session.commit("chat/c", Content(["elsewhere"]))
    _run_snapshots(session)
    session.gc()
    _run_names(session)
    first = list(session.promise.commits)
    session.forget(*first[1:4])
    session.forget(*first[8:10])
    session.undo()
    session.gc()
    session.commit("chat/large", Content([session.noise(30).hex()] * 200, files={"noise": session.noise(20_000)}))
    _run_two_at_once(session)
    for number in range(6):
        session.commit("chat/d", Content([number], files={"big": session.noise(5000)}))
    session.gc(recompress=True)
    session.commit("chat/a", Content(["the end"]))
    session.gc()


def _run_names(session: Session) -> None:
    session.tag("v1", "chat/a")
    session.fork("chat/a", "chat/e")
    added = Content(files={"merged": b"from e"})
    session.commit("chat/e", added)
    session.commit("chat/a", Content(memories={"merged": "from a"}))
    session.merge("chat/a", "chat/e", added)
    session.rename("chat/e", "chat/f")
    session.drop("chat/f")
    session.undo()


def _run_snapshots(session: Session) -> None:
    with TemporaryDirectory() as folder:
        files = {f"notes/{number}.md": session.noise(400) for number in range(6)}
        session.snapshot(folder, files)
        session.snapshot(folder, {**files, "notes/3.md": b"changed", "new": session.noise(2000)})


def _run_two_at_once(session: Session) -> None:
    other = session.another()

    def commit() -> None:
        session.commit("chat/b", Content(memories={"fast": True}), repo=other)

    session.commit("chat/a", Content(["of two writers"], files={"slow": b"another one commits"}), meanwhile=commit)
    session.drop("chat/large")
    session.commit("chat/b", Content(files={"slow": b"collected"}), meanwhile=lambda: session.gc(repo=other))
