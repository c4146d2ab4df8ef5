"""The object store: writes each object once, and checks its hash whenever it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from ctxstore.errors import Corrupt, InvalidInput, NotFound, RepositoryClosed
from ctxstore.ids import IdKeys, Kind, ObjectId, format_id
from ctxstore.packs.format import MAX_OBJECT
from ctxstore.packs.index import Index
from ctxstore.packs.location import Location
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import FrameReader, read_footer
from ctxstore.packs.writer import PackWriter
from ctxstore.storage.protocol import Storage

_TRIES = 8


class ObjectStore:
    """Reads objects from the live packs. Thread-safe."""

    def __init__(self, storage: Storage, keys: IdKeys) -> None:
        self.storage = storage
        self.keys = keys
        self.index = Index(storage.cache_folder(), lambda pack: read_footer(storage, pack))
        self._frames = FrameReader(storage)
        self.on_missing: Callable[[], bool] = lambda: False
        self._cache_is_trusted = True
        self._is_open = True

    def check_open(self) -> None:
        """Raises `RepositoryClosed` after `close`."""
        if not self._is_open:
            raise RepositoryClosed

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        """Returns the object's bytes. Raises `NotFound`, `Corrupt`, `RepositoryClosed`.

        If the object's pack was merged or collected since the root was read, reads the new root and tries again.
        """
        self.check_open()
        for _ in range(_TRIES):
            version = self.index.version
            try:
                return self._get(id, kind)
            except (NotFound, Corrupt) as error:
                # `on_missing` reads the root. The version shows that another thread has already read a new one.
                has_new_root = isinstance(error, NotFound) and (self.on_missing() or self.index.version != version)
                # The index cache is only a copy, and may be wrong. Rebuild it before blaming a pack.
                if not has_new_root and not self._distrust_cache():
                    raise
        return self._get(id, kind)

    def _distrust_cache(self) -> bool:
        """Drops the index cache. Returns False if that was already done once."""
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
                    hint="run `ctx check` to see what this affects, and `ctx repair` to look for the object elsewhere",
                )
            data = self._read_verified(location, id, kind)
            if data is not None:
                return data
            # The location is now marked as bad, so `find` returns another one or raises the error of the last one.

    def _read_verified(self, location: Location, id: ObjectId, kind: Kind) -> bytes | None:
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
            raise damaged  # the index has the id with another kind than the caller asked for
        self.index.mark_bad(location, damaged, whole_frame=False)
        return None

    def has(self, id: ObjectId) -> bool:
        """Whether a live pack contains the object."""
        return self.index.find(id) is not None

    def is_intact(self, id: ObjectId) -> bool:
        """Whether a live pack contains the object undamaged. Reads the object."""
        try:
            location = self.index.find(id)
            if location is not None:
                self.get(id, Kind(location.kind))
            return location is not None
        except (Corrupt, NotFound, ValueError):
            return False

    def refresh(self, packs: Iterable[PackInfo]) -> None:
        """Makes `packs` the live packs."""
        self.index.refresh(list(packs))

    def reset_after_fork(self) -> None:
        """Forgets everything read so far, in a forked child."""
        self.index.reset_after_fork()
        self._frames.reset_after_fork()

    def close(self) -> None:
        """Closes the index. Later reads raise `RepositoryClosed`."""
        self._is_open = False
        self.index.close()


class MakesChunks(Protocol):
    """The methods that storing a file's content needs."""

    keys: IdKeys

    def has(self, id: bytes) -> bool:
        """Whether the object is already stored, so that it need not be written."""

    def add(self, kind: int, id: bytes, data: bytes | memoryview) -> None:
        """Writes an object for which `has` was false. `data` is valid only during the call."""

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        """Writes an object, unless it is already stored. Returns its id."""

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        """Returns an object's bytes."""


class ObjectWriter:
    """Writes each object once, and can read objects that it wrote.

    For every pack of others, remembers which objects it did not write because that pack contains them. If the pack
    is deleted before the root is swapped, those objects must exist elsewhere (see docs/format/protocol.md, "Writing").
    """

    def __init__(self, store: ObjectStore, packer: PackWriter) -> None:
        self.store = store
        self.keys = store.keys
        self._packer = packer
        self._fresh: set[bytes] = set()
        self._relied: dict[str, bytearray] = {}
        self._verified: set[bytes] | None = None

    def put(self, kind: Kind, data: bytes) -> ObjectId:
        """Writes an object unless the repository has it. Returns its id. Raises `InvalidInput` if it is too large."""
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
        """Writes an object for which `has` was false."""
        self._fresh.add(id)
        self._packer.add(kind, id, data, kind in _DATA)

    def has(self, id: bytes) -> bool:
        """Whether the object is already stored. If so, remembers that this writer relies on the pack that has it."""
        if id in self._fresh:
            return True
        pack = self.store.index.find_pack(id)
        if pack is None or (self._verified is not None and not self._is_intact(id)):
            return False
        relied = self._relied.get(pack)
        if relied is None:
            relied = self._relied[pack] = bytearray()
        relied += id
        return True

    @contextmanager
    def verify(self) -> Iterator[None]:
        """Makes the block rely only on objects that it has read. It writes damaged ones again."""
        self._verified = set()
        try:
            yield
        finally:
            self._verified = None

    def _is_intact(self, id: bytes) -> bool:
        assert self._verified is not None
        if id not in self._verified:
            if not self.store.is_intact(ObjectId(id)):
                return False
            self._verified.add(id)
        return True

    def mark_packed(self, ids: Iterable[bytes]) -> None:
        """Forgets that these objects were new: the index now has their pack. This keeps a long run's memory small."""
        self._fresh.difference_update(ids)

    def get(self, id: ObjectId, kind: Kind) -> bytes:
        """Returns the bytes of an object of the repository or of this writer. Raises `NotFound`, `Corrupt`."""
        if id in self._fresh:
            for frame in self._packer.pending_frames():
                data = frame.find(id)
                if data is not None:
                    return data
            # The object is in the pack that is being written, which can be read only after it is closed.
            self._packer.close_pack()
        return self.store.get(id, kind)

    def flush(self) -> list[PackInfo]:
        """Makes all written objects durable. Returns the new packs. The packer's `on_pack` adds them to the index."""
        packs = self._packer.flush()
        self._fresh.clear()
        return packs

    def lost_objects(self, live: set[str]) -> list[bytes]:
        """Returns the ids of relied-upon objects that are lost: their pack is not in `live`, nor are they elsewhere."""
        lost = []
        for pack in self._relied.keys() - live:
            ids = bytes(self._relied.pop(pack))
            lost += [ids[i : i + 32] for i in range(0, len(ids), 32) if not self.has(ids[i : i + 32])]
        return lost


_DATA = (Kind.CHUNK, Kind.RECORD)
