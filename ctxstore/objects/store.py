"""Objects by id: put once, got with their hash checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from ctxstore.errors import Corrupt, InvalidInput, NotFound
from ctxstore.ids import IdKeys, Kind, ObjectId, format_id
from ctxstore.packs.format import MAX_OBJECT
from ctxstore.packs.index import Index, Location
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import FrameReader, read_footer
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.protocol import Storage

_TRIES = 8


class ObjectStore:
    """Reads the objects of the live packs. Safe from several threads."""

    def __init__(self, storage: Storage, keys: IdKeys) -> None:
        self.storage = storage
        self.keys = keys
        self.index = Index(storage.cache_folder(), lambda pack: read_footer(storage, pack))
        self._frames = FrameReader(storage)
        self.on_missing: Callable[[], bool] = lambda: False
        self._cache_is_trusted = True

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        """The object's bytes. Raises `NotFound`, `Corrupt`.

        A pack may have been merged away since the root was read: then the root is read again.
        """
        for _ in range(_TRIES):
            looked = self.index.version
            try:
                return self._get(id, kind)
            except (NotFound, Corrupt) as error:
                # Another thread may have read the new root already: the index tells.
                is_other = isinstance(error, NotFound) and (self.on_missing() or self.index.version != looked)
                # Before a pack is blamed, the index cache is: it is only a copy.
                if not is_other and not self._distrust_cache():
                    raise
        return self._get(id, kind)

    def _distrust_cache(self) -> bool:
        """Start the cache anew; False when that was done before."""
        if not self._cache_is_trusted:
            return False
        self._cache_is_trusted = False
        self.index.forget_cache()
        return True

    def _get(self, id: ObjectId, kind: Kind) -> bytes:
        while True:
            location = self.index.find(id)
            if location is None:
                raise NotFound(
                    f"object {format_id(id)} ({kind.name.lower()}) is not in the repository",
                    hint="`ctx check` says what that hits, `ctx repair` looks for it elsewhere",
                )
            data = self._find_sound(location, id, kind)
            if data is not None:
                return data
            # Marked as bad: the index gives another place, or raises what is wrong with the last one.

    def _find_sound(self, location: Location, id: ObjectId, kind: Kind) -> bytes | None:
        try:
            raw = self._frames.raw(location.pack, location.frame, location.stored)
        except Corrupt as error:
            self.index.mark_bad(location, error, whole_frame=True)
            return None
        data = raw[location.start : location.start + location.length]
        if self.keys.id_of(kind, data) == id:
            return data
        damaged = Corrupt(f"object {format_id(id)} in pack {location.pack} is damaged")
        if location.kind != kind:
            raise damaged  # it is there, and something else than was asked for
        self.index.mark_bad(location, damaged, whole_frame=False)
        return None

    def has(self, id: ObjectId) -> bool:
        """Whether a live pack holds the object."""
        return self.index.find(id) is not None

    def refresh(self, packs: Iterable[PackInfo]) -> None:
        """Make `packs` the live ones."""
        self.index.refresh(list(packs))

    def close(self) -> None:
        self.index.close()


class MakesChunks(Protocol):
    """What storing a file's content needs."""

    keys: IdKeys

    def has(self, id: bytes) -> bool:
        """Whether the object needs no writing."""

    def add(self, kind: int, id: bytes, data: bytes | memoryview) -> None:
        """Keep an object known to be new; `data` is valid during the call."""

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        """Keep an object; its id."""

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        """An object's bytes."""


class ObjectWriter:
    """Puts objects, each once; reads back what it put.

    Remembers for every pack it did not write itself which objects it left out because that pack holds
    them: if the pack goes before the root is swapped, those must be found elsewhere (protocol R).
    """

    def __init__(self, store: ObjectStore, packer: PackWriter) -> None:
        self.store = store
        self.keys = store.keys
        self._packer = packer
        self._fresh: set[bytes] = set()
        self._relied: dict[str, bytearray] = {}

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        """Keep an object unless the repository has it; its id. Raises `InvalidInput` for one that is too large."""
        id = self.keys.id_of(kind, data)
        if not self.has(id):
            if len(data) > MAX_OBJECT:
                raise InvalidInput(
                    f"a {kind.name.lower()} of {len(data):,} bytes is over the limit of {MAX_OBJECT:,}",
                    hint="shorten notes, titles, names and keys; files may be of any size",
                )
            self.add(kind, id, data)
        return id

    def add(self, kind: int, id: bytes, data: bytes | memoryview) -> None:
        """Keep an object known to be new."""
        self._fresh.add(id)
        self._packer.add(kind, id, data, kind in _DATA)

    def has(self, id: bytes) -> bool:
        """Whether the object needs no writing. A yes is remembered as relied upon."""
        if id in self._fresh:
            return True
        pack = self.store.index.find_pack(id)
        if pack is None:
            return False
        relied = self._relied.get(pack)
        if relied is None:
            relied = self._relied[pack] = bytearray()
        relied += id
        return True

    def settled(self, ids: Iterable[bytes]) -> None:
        """These are in a pack the index knows: a long run need not remember them."""
        self._fresh.difference_update(ids)

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        """An object of the repository or one put by this writer. Raises `NotFound`, `Corrupt`."""
        if id in self._fresh:
            for frame in self._packer.pending_frames():
                data = frame.find(id)
                if data is not None:
                    return data
            # It is in the pack that is being written, which can be read when it is whole.
            self._packer.close_pack()
        return self.store.get(id, kind)

    def flush(self) -> list[PackInfo]:
        """Make all that was put durable. The packer's `on_pack` makes it findable in the store."""
        packs = self._packer.flush()
        self._fresh.clear()
        return packs

    def lost_objects(self, live: set[str]) -> list[bytes]:
        """Objects that were relied upon in packs not in `live` and are in no live pack now."""
        lost = []
        for pack in self._relied.keys() - live:
            ids = bytes(self._relied.pop(pack))
            lost += [ids[i : i + 32] for i in range(0, len(ids), 32) if not self.has(ids[i : i + 32])]
        return lost


_DATA = (Kind.CHUNK, Kind.RECORD)
