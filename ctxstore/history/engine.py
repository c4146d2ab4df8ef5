"""An open repository: its layers put together, and its state as last read."""

import os
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from ctxstore.errors import AlreadyExists, Corrupt, NotFound
from ctxstore.history.commits import Author
from ctxstore.history.config import KEY, MAX_CONFIG, SAVE_IT, Config, decode_config, encode_config
from ctxstore.history.forgotten import ForgottenCommits
from ctxstore.history.refs import Refs
from ctxstore.history.root import RepositoryState, RootFile
from ctxstore.ids import IdKeys, ObjectId
from ctxstore.objects.chunker import Chunker, ChunkerSettings
from ctxstore.objects.store import ObjectStore, ObjectWriter
from ctxstore.packs.names import PackInfo
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.protocol import Storage, SwapLost
from ctxstore.trees.maps import Maps

UNFINISHED = 256
"""Bytes of a pack that an init which was cut short may leave: one empty map. One with a commit has more."""


class Environment(NamedTuple):
    """What comes from outside: UTC nanoseconds, random bytes, and who is asking."""

    clock: Callable[[], int]
    random: Callable[[int], bytes]
    author: Author


def real_environment(tool: str = "ctxstore") -> Environment:
    """This machine's clock, randomness, user and host."""
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or str(os.getuid())
    return Environment(time.time_ns, os.urandom, Author(user, os.uname().nodename, tool))


class Engine:
    """All layers of one repository. Safe from several threads."""

    def __init__(self, storage: Storage, config: Config, environment: Environment) -> None:
        self.storage = storage
        self.config = config
        self.environment = environment
        self.keys = IdKeys()
        self.store = ObjectStore(storage, self.keys)
        self.store.on_missing = self._is_stale
        self.roots = RootFile(storage)
        self.lock = threading.RLock()
        self.writing = threading.RLock()
        self.maps = Maps(self.keys)
        self._chunker: Chunker | None = None
        self._loaded: tuple[RepositoryState, bytes] | None = None
        self._refs: tuple[ObjectId, Refs] | None = None
        self._forgotten: tuple[ObjectId, ForgottenCommits] | None = None

    @property
    def chunker(self) -> Chunker:
        if self._chunker is None:
            self._chunker = Chunker(self.config.chunker)
        return self._chunker

    def root(self) -> RepositoryState:
        """The state now. Raises `NotFound`, `Corrupt`, `UnknownFormat`."""
        return self.load()[0]

    def load(self) -> tuple[RepositoryState, bytes]:
        """The root and its bytes as they are now; makes its packs the live ones."""
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
                    # Its manifest may have been replaced and deleted since: then there is another root by now.
                    if self.roots.read(found) is found:
                        raise

    def adopt(self, root: RepositoryState, data: bytes) -> None:
        """Go on from this root."""
        with self.lock:
            self.store.refresh(self.roots.packs(root))
            self._loaded = (root, data)

    def live_packs(self) -> tuple[PackInfo, ...]:
        """The packs of the root as last read."""
        return self.roots.packs(self._loaded[0]) if self._loaded is not None else ()

    def _is_stale(self) -> bool:
        before = self._loaded
        return self.load() is not before

    def refs(self, root: RepositoryState) -> Refs:
        """The refs of a root."""
        return self.refs_at(root.refs)

    def refs_at(self, id: ObjectId) -> Refs:
        """The refs of a map's id; the last one is remembered."""
        with self.lock:
            if self._refs is None or self._refs[0] != id:
                self._refs = (id, Refs.load(self.maps, self.store, id))
            return self._refs[1]

    def forgotten(self, root: RepositoryState) -> ForgottenCommits:
        """The forgotten commits of a root."""
        return self.forgotten_at(root.forgotten)

    def forgotten_at(self, id: ObjectId | None) -> ForgottenCommits:
        """The forgotten commits of a map's id; the last one is remembered."""
        if id is None:
            return ForgottenCommits(None)
        with self.lock:
            if self._forgotten is None or self._forgotten[0] != id:
                self._forgotten = (id, ForgottenCommits.load(self.maps, self.store, id))
            return self._forgotten[1]

    def close(self) -> None:
        self.store.close()


def create(storage: Storage, environment: Environment, chunker: ChunkerSettings | None = None) -> Engine:
    """Make a repository in an empty storage. Raises `AlreadyExists`, `StorageError`."""
    if storage.read_root() is not None:
        raise AlreadyExists("there is a repository already", hint="open it, or name another place")
    _refuse_remains(storage)
    storage.prepare()
    storage.keep_reserve()
    config = Config(environment.random(16).hex(), environment.clock(), chunker or ChunkerSettings())
    engine = Engine(storage, _write_config(storage, config), environment)
    with storage.presence():
        try:
            _write_first_root(engine)
        except SwapLost:
            engine.load()  # somebody made it at the same moment
    return engine


def _write_config(storage: Storage, config: Config) -> Config:
    """Keep a new repository's config; an init that was cut short may have left one, whole or not."""
    try:
        storage.put(KEY, encode_config(config))
        return config
    except AlreadyExists:
        pass
    try:
        found = decode_config(storage.get(KEY, 0, MAX_CONFIG))
        storage.confirm(KEY)
        return found
    except Corrupt:
        # Nothing was ever kept by it: `_refuse_remains` has looked.
        storage.delete(KEY)
        storage.put(KEY, encode_config(config))
        return config


def _refuse_remains(storage: Storage) -> None:
    """A repository that lost its root must not get an empty one: the next gc would delete all it holds."""
    try:
        # Each by itself: an init may have been cut short any number of times.
        is_used = any(stored.size > UNFINISHED for stored in storage.list("packs"))
    except NotFound:
        return
    if is_used:
        raise _lost("root")


def _lost(what: str) -> Corrupt:
    return Corrupt(f"the repository's {what} is missing", hint=SAVE_IT)


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
    """Open a repository. Raises `NotFound`, `Corrupt`, `UnknownFormat`, `StorageError`."""
    return Engine(storage, decode_config(storage.get(KEY, 0, MAX_CONFIG)), environment)
