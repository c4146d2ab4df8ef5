"""The engine of an open repository: connects the layers and caches the last root."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple
from weakref import ref

from ctxstore.errors import AlreadyExists, Corrupt, NotFound
from ctxstore.forks import call_in_child
from ctxstore.history.commits import Author
from ctxstore.history.config import KEY, MAX_CONFIG, REPAIR_HINT, Config, decode_config, encode_config
from ctxstore.history.forgotten import ForgottenCommits
from ctxstore.history.predecessors import Predecessors
from ctxstore.history.refs import Refs
from ctxstore.history.root import RepositoryState, RootFile, StoredRoot
from ctxstore.ids import ID_SIZE, IdKeys, Kind, ObjectId
from ctxstore.objects.chunker import Chunker, ChunkerSettings
from ctxstore.objects.store import ObjectStore, ObjectWriter
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import read_footer
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.protocol import Storage, SwapLost
from ctxstore.trees.maps import Maps

_MAX_INIT_PACK = 256
"""The most bytes of a pack that an interrupted init leaves: one empty map. A pack with a commit is larger."""


class Environment(NamedTuple):
    """The inputs from outside the repository: a clock in UTC nanoseconds, random bytes, and the author of commits."""

    clock: Callable[[], int]
    random: Callable[[int], bytes]
    author: Author


def real_environment(tool: str = "ctxstore") -> Environment:
    """Returns an environment with this machine's clock, randomness, user and host."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.getuid())
    return Environment(time.time_ns, os.urandom, Author(user, os.uname().nodename, tool))


_engines: list[ref[Engine]] = []
"""The engines of this process. No `WeakSet`: its callbacks would swallow an exception from a signal handler."""


def _register(engine: Engine) -> None:
    _engines[:] = [*(each for each in _engines if each() is not None), ref(engine)]


def _reset_engines() -> None:
    for each in _engines:
        if (engine := each()) is not None:
            engine.reset_after_fork()


call_in_child(_reset_engines)


class Engine:
    """All layers of one open repository. Thread-safe."""

    def __init__(self, storage: Storage, config: Config, environment: Environment) -> None:
        self.storage = storage
        self.config = config
        self.environment = environment
        self.keys = IdKeys()
        self.store = ObjectStore(storage, self.keys)
        self.store.on_missing = self._is_stale
        self.roots = RootFile(storage)
        self.maps = Maps(self.keys)
        self._chunker: Chunker | None = None
        self._clear()
        _register(self)

    def _clear(self) -> None:
        self.lock = threading.RLock()
        self.writing = threading.RLock()
        self._loaded: StoredRoot | None = None
        self._refs: tuple[ObjectId, Refs] | None = None
        self._forgotten: tuple[ObjectId, ForgottenCommits] | None = None
        self._predecessors: tuple[RepositoryState, Predecessors] | None = None

    def __reduce__(self) -> str:
        raise TypeError("an open repository cannot be pickled: open the repository again in the other process")

    def reset_after_fork(self) -> None:
        """Forgets everything read so far, in a forked child: threads may have left locks and half-made changes."""
        self.store.reset_after_fork()
        self._clear()

    @property
    def chunker(self) -> Chunker:
        if self._chunker is None:
            self._chunker = Chunker(self.config.chunker)
        return self._chunker

    def root(self) -> RepositoryState:
        """Returns the current state. Raises `NotFound`, `Corrupt`, `UnknownFormat`."""
        return self.load().state

    def load(self) -> StoredRoot:
        """Reads the current root and makes its packs the live packs.

        Raises `NotFound`, `Corrupt`, `UnknownFormat`, `RepositoryClosed`.
        """
        self.check_open()
        with self.lock:
            while True:
                found = self.roots.read(self._loaded)
                if found is None:
                    raise _lost("root")
                if found is self._loaded:
                    return found
                try:
                    self.adopt(*found)
                    return found
                except NotFound:
                    # The root's manifest may have been replaced and deleted since. If so, there is a newer root.
                    if self.roots.read(found) is found:
                        raise

    def adopt(self, root: RepositoryState, data: bytes) -> None:
        """Makes `root`, whose bytes are `data`, the engine's current root."""
        with self.lock:
            self.store.refresh(self.roots.packs(root))
            self._loaded = StoredRoot(root, data)

    def live_packs(self) -> tuple[PackInfo, ...]:
        """Returns the packs of the root that was last read."""
        return self.roots.packs(self._loaded.state) if self._loaded is not None else ()

    def _is_stale(self) -> bool:
        before = self._loaded
        return self.load() is not before

    def refs(self, root: RepositoryState) -> Refs:
        """Returns the refs of a root."""
        return self.refs_at(root.refs)

    def refs_at(self, id: ObjectId) -> Refs:
        """Returns the refs in the map with this id. Caches the last one."""
        with self.lock:
            if self._refs is None or self._refs[0] != id:
                self._refs = (id, Refs.load(self.maps, self.store, id))
            return self._refs[1]

    def forgotten(self, root: RepositoryState) -> ForgottenCommits:
        """Returns the forgotten commits of a root."""
        return self.forgotten_at(root.forgotten)

    def forgotten_at(self, id: ObjectId | None) -> ForgottenCommits:
        """Returns the forgotten commits in the map with this id. Caches the last one."""
        if id is None:
            return ForgottenCommits(None)
        with self.lock:
            if self._forgotten is None or self._forgotten[0] != id:
                self._forgotten = (id, ForgottenCommits.load(self.maps, self.store, id))
            return self._forgotten[1]

    def predecessors(self, root: RepositoryState) -> Predecessors:
        """Returns the index of each commit's predecessor (the head that its ref had before it).

        The index is read from the op log of `root`.
        """
        with self.lock:
            if self._predecessors is None or not self._predecessors[0].has_same_history(root):
                found = Predecessors(self.store, self.maps, root, lambda: self.iter_packed(Kind.OP))
                self._predecessors = (root, found)
            return self._predecessors[1]

    def iter_packed(self, kind: Kind) -> Iterator[ObjectId]:
        """Yields the ids of all objects of a kind in the live packs, reachable or not. May yield an id twice."""
        for pack in self.live_packs():
            try:
                footer = read_footer(self.storage, pack)
            except (Corrupt, NotFound):
                continue
            at = footer.kinds.find(kind)
            while at >= 0:
                yield ObjectId(footer.ids[at * ID_SIZE : (at + 1) * ID_SIZE])
                at = footer.kinds.find(kind, at + 1)

    def check_open(self) -> None:
        """Raises `RepositoryClosed` after `close`."""
        self.store.check_open()

    def close(self) -> None:
        self.store.close()


def create(storage: Storage, environment: Environment, chunker: ChunkerSettings | None = None) -> Engine:
    """Creates a repository in a new or empty storage. Raises `AlreadyExists`, `Corrupt`, `StorageError`."""
    if not storage.exists():
        _refuse_lost_repository(storage)
    storage.initialise()
    storage.keep_reserve()
    config = Config(environment.random(16).hex(), environment.clock(), chunker or ChunkerSettings())
    engine = Engine(storage, _write_config(storage, config), environment)
    with storage.presence():
        try:
            _write_first_root(engine)
        except SwapLost:
            engine.load()  # another process created it at the same moment
    return engine


def _write_config(storage: Storage, config: Config) -> Config:
    """Writes a new repository's config, or keeps the one that an interrupted init left if that is complete."""
    try:
        storage.put(KEY, encode_config(config))
        return config
    except AlreadyExists:
        pass
    try:
        existing = decode_config(storage.get(KEY, 0, MAX_CONFIG))
        storage.confirm(KEY)
        return existing
    except Corrupt:
        # `_refuse_lost_repository` has checked that nothing was ever saved with this config.
        storage.delete(KEY)
        storage.put(KEY, encode_config(config))
        return config


def _refuse_lost_repository(storage: Storage) -> None:
    """Raises `Corrupt` if there are packs without a root. With an empty root, the next gc would delete those packs."""
    try:
        # The sizes are not added up, because several interrupted inits may have left one small pack each.
        is_used = any(stored.size > _MAX_INIT_PACK for stored in storage.list("packs"))
    except NotFound:
        return
    if is_used:
        raise _lost("root")


def _lost(what: str) -> Corrupt:
    return Corrupt(f"the repository's {what} is missing", hint=REPAIR_HINT)


def _write_first_root(engine: Engine) -> None:
    environment = engine.environment
    index = engine.store.index
    packer = PackWriter(
        engine.storage, 0, random=environment.random, on_pack=lambda pack: index.add(pack.info, pack.footer)
    )
    try:
        writer = ObjectWriter(engine.store, packer)
        refs = engine.maps.create(writer, {})
        packs = writer.flush()
    finally:
        packer.close()
    root = RepositoryState(0, 0, max(0, environment.clock()), tuple(packs), None, refs, None, None)
    try:
        engine.adopt(root, engine.roots.swap(None, root))
    finally:
        engine.store.index.release(packs, packs)


def open_engine(storage: Storage, environment: Environment) -> Engine:
    """Opens an existing repository. Raises `NotFound`, `Corrupt`, `UnknownFormat`, `StorageError`."""
    return Engine(storage, decode_config(storage.get(KEY, 0, MAX_CONFIG)), environment)
