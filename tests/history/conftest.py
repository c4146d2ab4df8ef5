"""A repository that several engines share, with a simulated clock and randomness."""

from __future__ import annotations

import itertools

import pytest

from ctxstore.errors import StorageError
from ctxstore.history.commits import Author, Commit, read_commit, write_commit
from ctxstore.history.engine import Environment, create, open_engine
from ctxstore.history.root import advanced
from ctxstore.history.transaction import Move, transaction
from ctxstore.ids import Kind
from ctxstore.objects.chunker import ChunkerSettings
from ctxstore.ops.check.check import check_repository
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.local import LocalStorage
from ctxstore.storage.memory import MemoryStorage
from ctxstore.trees.entries import FileEntry, decode_entry, encode_entry
from ctxstore.trees.files import read_content

AUTHOR = Author("ada", "engine", "test")
EPOCH = 12 * 3600 * 10**9


class World:
    """One storage, as seen by any number of engines."""

    def __init__(self, storage):
        self.storage = storage
        self.now = 1_700_000_000_000_000_000
        self._numbers = itertools.count(1)
        self.engines = []
        self.environment = Environment(self.clock, self.random, AUTHOR)
        self._keep(create(storage, self.environment, ChunkerSettings(256, 64, 1024, 0)))

    def clock(self):
        self.now += 1
        return self.now

    def random(self, size):
        return next(self._numbers).to_bytes(size, "big")

    def _keep(self, engine):
        self.engines.append(engine)
        return engine

    def open(self, storage=None):
        return self._keep(open_engine(storage or self.storage, self.environment))

    def close(self):
        for engine in self.engines:
            engine.close()

    def write(self, engine, tx, ref, text, parent=None):
        """Writes a commit whose tree contains `text`, and returns its id."""
        chunk = tx.writer.put(Kind.CHUNK, text.encode())
        entry = FileEntry(0o644, 0, len(text), False, chunk)
        tree = engine.maps.create(tx.writer, {b"text": encode_entry(entry)})
        parents = (parent,) if parent else ()
        return write_commit(tx.writer, Commit(tree, parents, len(parents), self.clock(), AUTHOR, ref, text))

    def commit(self, engine, ref, text, during=lambda: None):
        """Commits `text` to `ref`. Calls `during` when everything but the swap is prepared."""
        with transaction(engine) as tx:
            head = tx.refs.find(ref)
            id = self.write(engine, tx, ref, text, head)
            during()
            tx.publish([Move(ref, head, id)], "test")
        return id

    def add_pack(self, engine, *datas, epoch=None):
        """Publishes a pack with only these chunks, which no object refers to."""
        root, data = engine.load()
        packer = PackWriter(self.storage, root.epoch if epoch is None else epoch, random=self.random)
        for chunk in datas:
            packer.add(Kind.CHUNK, engine.keys.id_of(Kind.CHUNK, chunk), chunk, True)
        (pack,) = packer.flush()
        packer.close()
        self._swap(engine, root, data, [*engine.roots.packs(root), pack])
        return pack

    def drop_pack(self, engine, info):
        """Removes a pack from the root and deletes it, as a collector does."""
        root, data = engine.load()
        self._swap(engine, root, data, [pack for pack in engine.roots.packs(root) if pack != info])
        self.storage.delete(info.key)

    def _swap(self, engine, root, data, packs):
        new = engine.roots.with_packs(advanced(root, self.now), packs, self.random)
        engine.adopt(new, engine.roots.swap(data, new))

    def touch_root(self):
        """Swaps the root for one with another serial, and with a new epoch when the old one has ended."""
        engine = self.open()
        root, data = engine.load()
        self._swap(engine, root, data, engine.roots.packs(root))

    def bump_epoch(self):
        self.now += EPOCH
        self.touch_root()

    def texts(self, *refs):
        """Reads the texts of all refs with a new reader."""
        engine = self.open()
        found = []
        for ref in refs:
            head = engine.refs(engine.root()).find(ref)
            found.append(self.text(engine, head) if head else None)
        return found

    def text(self, engine, id):
        """Reads the text of a commit."""
        value = engine.maps.load(engine.store, self.read(engine, id).tree).find(b"text")
        return b"".join(read_content(engine.store, decode_entry(value))).decode()

    @staticmethod
    def read(engine, id):
        return read_commit(engine.store, id)

    def assert_sound(self):
        assert check_repository(self.open(), read_data=True).problems == ()

    def files(self, folder="packs"):
        return {stored.key.partition("/")[2] for stored in self.storage.list(folder)}

    def live(self):
        engine = self.open()
        return {pack.name for pack in engine.roots.packs(engine.root())}


class Around:
    """A storage that acts before and after the swaps of another one."""

    def __init__(self, storage):
        self._storage = storage
        self.before, self.after = [], []
        self.fail_before = self.fail_after = 0

    def __getattr__(self, name):
        return getattr(self._storage, name)

    def swap(self, expected, new):
        if self.before:
            self.before.pop(0)()
        if self.fail_before:
            self.fail_before -= 1
            raise StorageError("the swap failed")
        self._storage.swap(expected, new)
        if self.after:
            self.after.pop(0)()
        if self.fail_after:
            self.fail_after -= 1
            raise StorageError("the answer was lost")


@pytest.fixture(params=["local", "memory"])
def world(request, tmp_path):
    storage = LocalStorage(str(tmp_path / "store")) if request.param == "local" else MemoryStorage()
    made = World(storage)
    yield made
    made.close()


@pytest.fixture
def around(world):
    """The world's storage, with actions around its swaps."""
    return Around(world.storage)
