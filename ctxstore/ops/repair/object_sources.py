"""All that may still have an object: the packs, and where else it can be taken from. Everything is hashed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.ids import ID_SIZE, IdKeys, Kind, ObjectId
from ctxstore.objects.store import ObjectStore
from ctxstore.ops.repair.salvage import examine
from ctxstore.packs.format import Footer
from ctxstore.packs.frames import unpack_frame
from ctxstore.packs.index import Index, Location, iter_locations
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import read_footer
from ctxstore.storage.protocol import Storage


class ObjectSource(Protocol):
    """A place that may have objects. `name` is for a person."""

    name: str

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        """An object's bytes, which the caller hashes, or None."""


class FoundObject(NamedTuple):
    """An object that no pack of the repository has, and where it was found."""

    kind: Kind
    source: ObjectSource


class FallbackStore(ObjectStore):
    """Reads what the packs still hold, then the sources; puts into memory. Remembers what it took and what was put."""

    def __init__(
        self, storage: Storage, keys: IdKeys, salvaged: Mapping[str, Footer], sources: Sequence[ObjectSource]
    ) -> None:
        super().__init__(storage, keys)
        self._salvaged = salvaged
        self.index = Index(None, self.footer)
        self.sources = list(sources)
        self.taken: dict[ObjectId, FoundObject] = {}
        self.made: dict[ObjectId, tuple[Kind, bytes]] = {}
        self._nowhere: set[tuple[ObjectId, Kind]] = set()

    def footer(self, pack: PackInfo) -> Footer:
        """What is whole of a pack."""
        salvaged = self._salvaged.get(pack.name)
        return salvaged if salvaged is not None else read_footer(self.storage, pack)

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        if id in self.made:
            return self.made[id][1]
        if id in self.taken:
            return self.take(id)
        try:
            return self._get(id, kind)
        except (NotFound, Corrupt):
            if not self._find_source(id, kind):
                raise
            return self.take(id)

    def take(self, id: ObjectId) -> bytes:
        """An object that a source had when it was asked. Raises `NotFound` if it has it no more."""
        kind, source = self.taken[id]
        data = source.find(id, kind)
        if data is None or self.keys.id_of(kind, data) != id:
            raise NotFound(f"{source.name} changed while it was read", hint="run `ctx repair` again")
        return data

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        id = self.keys.id_of(kind, data)
        if not self.is_there(id):
            self.made[id] = (kind, data)
        return id

    def is_there(self, id: ObjectId) -> bool:
        """Whether a pack holds it, or it was taken or put."""
        return id in self.made or id in self.taken or self.index.find_pack(id) is not None

    def find_anywhere(self, id: ObjectId, kind: Kind) -> bool:
        """Whether a pack or a source has an object."""
        return self.is_there(id) or self._find_source(id, kind)

    def _find_source(self, id: ObjectId, kind: Kind) -> bool:
        if (id, kind) in self._nowhere:
            return False
        for source in self.sources:
            data = source.find(id, kind)
            if data is not None and self.keys.id_of(kind, data) == id:
                self.taken[id] = FoundObject(kind, source)
                return True
        self._nowhere.add((id, kind))
        return False

    def look_again(self, *sources: ObjectSource) -> None:
        """Sources that may have what was found nowhere until now."""
        self.sources += sources
        self._nowhere.clear()


class OtherRepository:
    """Another repository, which is open."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self._engine = engine

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        try:
            return self._engine.store.get(id, kind)
        except (NotFound, Corrupt):
            return None


class LoosePacks:
    """Files that no root lists: left over, or in quarantine. Read when they are first needed."""

    name = "left-over files"

    def __init__(self, storage: Storage, keys: IdKeys, files: Iterable[str]) -> None:
        self._storage = storage
        self._keys = keys
        self._files = list(files)
        self._places: dict[bytes, tuple[str, Location]] | None = None

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        if self._places is None:
            self._places = dict(self._look())
        found = self._places.get(id)
        if found is None:
            return None
        key, place = found
        try:
            _, raw = unpack_frame(self._storage.get(key, place.frame, place.stored))
        except (NotFound, Corrupt):
            return None
        return raw[place.start : place.start + place.length]

    def _look(self) -> Iterable[tuple[bytes, tuple[str, Location]]]:
        for key in self._files:
            try:
                examined = examine(self._storage, self._keys, key)
            except NotFound:
                continue  # collected meanwhile
            for id, place in iter_locations(key, examined.footer):
                assert len(id) == ID_SIZE
                yield id, (key, place)
