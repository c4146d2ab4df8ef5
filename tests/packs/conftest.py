"""Packs made of known objects."""

from __future__ import annotations

import itertools

import pytest

from ctxstore.ids import IdKeys, Kind
from ctxstore.packs.frames import Settings
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.local import LocalStorage
from ctxstore.storage.memory import MemoryStorage

KEYS = IdKeys()


class Packs:
    """A writer of packs from byte strings. Every third one is a node, and the others are chunks."""

    def __init__(self, storage):
        self.storage = storage
        counter = itertools.count(1)
        self.random = lambda size: next(counter).to_bytes(4, "big") * (size // 4)

    @staticmethod
    def object(data, number=0):
        kind = Kind.CHUNK if number % 3 else Kind.NODE
        return kind, KEYS.id_of(kind, data), data, kind.is_data

    def write_all(self, datas, *, size=4 << 20, epoch=0):
        """Writes packs, and returns (packs, [(kind, id, data)])."""
        packs = []
        settings = Settings(size=size)
        writer = PackWriter(self.storage, epoch, settings=settings, random=self.random, on_pack=packs.append)
        objects = [self.object(data, number) for number, data in enumerate(datas)]
        for made in objects:
            writer.add(*made)
        assert writer.flush() == [pack.info for pack in packs]
        writer.close()
        return packs, [made[:3] for made in objects]

    def write(self, datas, **options):
        (pack,), objects = self.write_all(datas, **options)
        return pack, objects


@pytest.fixture
def packs(tmp_path):
    storage = LocalStorage(str(tmp_path / "store"))
    storage.prepare()
    return Packs(storage)


@pytest.fixture
def memory_packs():
    return Packs(MemoryStorage())
