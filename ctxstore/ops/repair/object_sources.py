"""The object sources of a repair: packs, left-over files, other repositories. Every object found is hashed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from ctxstore.errors import Corrupt, NotFound
from ctxstore.history.engine import Engine
from ctxstore.ids import ID_SIZE, IdKeys, Kind, ObjectId
from ctxstore.objects.store import ObjectStore
from ctxstore.ops.repair.salvage import examine_pack
from ctxstore.packs.format import Footer
from ctxstore.packs.frames import unpack_frame
from ctxstore.packs.index import Index
from ctxstore.packs.location import Location, iter_locations
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import read_footer
from ctxstore.storage.protocol import Storage


class ObjectSource(Protocol):
    """A place where a repair searches for lost objects. `name` describes the place in reports."""

    name: str

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        """Returns the bytes of an object, or None. The caller must verify their hash."""


class FoundObject(NamedTuple):
    """The kind of an object that is in no pack of the repository, and the object source that has it."""

    kind: Kind
    source: ObjectSource


class NewObject(NamedTuple):
    """An object that the repair created."""

    kind: Kind
    data: bytes


class FallbackStore(ObjectStore):
    """A store that reads objects from the packs, and from object sources if no pack has them.

    - `found`: maps the id of each object found in an object source to its kind and that source.
    - `new`: the objects that were added with `put`. They stay in memory.

    The repair writes both to new packs.
    """

    def __init__(
        self, storage: Storage, keys: IdKeys, salvaged: Mapping[str, Footer], sources: Sequence[ObjectSource]
    ) -> None:
        super().__init__(storage, keys)
        self._salvaged = salvaged
        self.index = Index(None, self.footer)
        self.sources = list(sources)
        self.found: dict[ObjectId, FoundObject] = {}
        self.new: dict[ObjectId, NewObject] = {}
        self._unavailable: set[tuple[ObjectId, Kind]] = set()

    def footer(self, pack: PackInfo) -> Footer:
        """Returns the footer of a pack. Of a damaged pack it lists only the intact frames."""
        salvaged = self._salvaged.get(pack.name)
        return salvaged if salvaged is not None else read_footer(self.storage, pack)

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        """Reads an object. Raises `NotFound` or `Corrupt` if no pack and no object source has it."""
        if id in self.new:
            return self.new[id].data
        if id in self.found:
            return self.get_found(id)
        try:
            return self._get(id, kind)
        except (NotFound, Corrupt):
            if not self._find_source(id, kind):
                raise
            return self.get_found(id)

    def get_found(self, id: ObjectId) -> bytes:
        """Reads an object again from the source it was found in. Raises `NotFound` if the source has changed since."""
        kind, source = self.found[id]
        data = source.find(id, kind)
        if data is None or self.keys.id_of(kind, data) != id:
            raise NotFound(f"{source.name} changed while it was read", hint="run `ctx repair` again")
        return data

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        """Adds an object unless the store has it. Returns its id."""
        id = self.keys.id_of(kind, data)
        if not self.has_object(id):
            self.new[id] = NewObject(kind, data)
        return id

    def has_object(self, id: ObjectId) -> bool:
        """Whether a pack contains the object, or an object source was found to, or the object was added with `put`."""
        return id in self.new or id in self.found or self.index.find_pack(id) is not None

    def is_available(self, id: ObjectId, kind: Kind) -> bool:
        """Whether a pack or a source has the object. Searches the sources if necessary."""
        return self.has_object(id) or self._find_source(id, kind)

    def _find_source(self, id: ObjectId, kind: Kind) -> bool:
        """Searches the sources for an object, verifies its hash, and records where it was found."""
        if (id, kind) in self._unavailable:
            return False
        for source in self.sources:
            data = source.find(id, kind)
            if data is not None and self.keys.id_of(kind, data) == id:
                self.found[id] = FoundObject(kind, source)
                return True
        self._unavailable.add((id, kind))
        return False

    def add_sources(self, *sources: ObjectSource) -> None:
        """Adds sources. Objects that were not found before are searched again."""
        self.sources += sources
        self._unavailable.clear()


class OtherRepository:
    """Another, open repository as a source of objects."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self._engine = engine

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        """Returns the object from the other repository, or None."""
        try:
            return self._engine.store.get(id, kind)
        except (NotFound, Corrupt):
            return None


class _LooseObject(NamedTuple):
    """The file that contains an object, and its position in the file."""

    key: str
    location: Location


class LoosePacks:
    """Pack files that no root lists, left over or in quarantine, as an object source.

    The files are examined when the first object is needed.
    """

    name = "left-over files"

    def __init__(self, storage: Storage, keys: IdKeys, files: Iterable[str]) -> None:
        self._storage = storage
        self._keys = keys
        self._files = list(files)
        self._objects: dict[bytes, _LooseObject] | None = None

    def find(self, id: ObjectId, kind: Kind) -> bytes | None:
        """Returns the object from one of the files, or None."""
        if self._objects is None:
            self._objects = dict(self._iter_objects())
        found = self._objects.get(id)
        if found is None:
            return None
        location = found.location
        try:
            _, raw = unpack_frame(self._storage.get(found.key, location.frame, location.stored))
        except (NotFound, Corrupt):
            return None
        return raw[location.start : location.start + location.length]

    def _iter_objects(self) -> Iterable[tuple[bytes, _LooseObject]]:
        """Yields the objects in the intact frames of all files."""
        for key in self._files:
            try:
                examined = examine_pack(self._storage, self._keys, key)
            except NotFound:
                continue  # another process has removed the file meanwhile
            for id, location in iter_locations(key, examined.footer):
                assert len(id) == ID_SIZE
                yield id, _LooseObject(key, location)
