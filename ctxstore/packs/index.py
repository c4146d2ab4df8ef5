"""Where each object lies.

The footers of packs are the truth; this is a copy that may be deleted at any time. Small packs' footers
are kept in memory, those of the others in SQLite, so that a program that commits every second writes no
database and one that opens a large repository does not read all of its footers.

A wrong "it is there" would lose data, so a row is a fact that can't become false: it names its pack by
63 random bits of the pack's name, and counts only while the root lists that pack.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import Corrupt, CtxstoreError, NotFound
from ctxstore.ids import ID_SIZE
from ctxstore.packs.format import Footer
from ctxstore.packs.index_database import database_error, is_mostly_dead, is_place, open_database, remove_database
from ctxstore.packs.names import PackInfo, number_of

if TYPE_CHECKING:
    import sqlite3

IN_MEMORY = 1 << 15
"""Objects of packs kept in memory, the packs with the fewest first: 0.2 µs each to load, against 25 µs for
a look-up in SQLite and 3 µs to put there."""


class Location(NamedTuple):
    """Where an object lies: its frame's offset and stored length in the pack, its place in the raw frame."""

    pack: str
    frame: int
    stored: int
    start: int
    length: int
    kind: int


def iter_locations(pack: str, footer: Footer) -> Iterator[tuple[bytes, Location]]:
    """(id, location) of every object a footer lists."""
    ids, kinds, lengths = footer.ids, footer.kinds, footer.lengths
    at = 0
    for frame in footer.frames:
        start = 0
        for i in range(at, at + frame.objects):
            length = lengths[i]
            yield (
                ids[i * ID_SIZE : (i + 1) * ID_SIZE],
                Location(pack, frame.offset, frame.stored, start, length, kinds[i]),
            )
            start += length
        at += frame.objects


class _MemoryPack:
    """One pack's objects by id, as their places in the footer; locations are worked out when asked for."""

    __slots__ = ("_firsts", "_footer", "_name", "_starts", "places")

    def __init__(self, name: str, footer: Footer) -> None:
        ids, size = footer.ids, ID_SIZE
        self._name = name
        self._footer = footer
        self._firsts = list(accumulate((frame.objects for frame in footer.frames), initial=0))
        self._starts: dict[int, list[int]] = {}
        split = [ids[i : i + size] for i in range(0, len(ids), size)]
        self.places = dict(zip(split, range(len(split)), strict=True))

    def location(self, place: int) -> Location:
        frame = bisect_right(self._firsts, place) - 1
        first = self._firsts[frame]
        starts = self._starts.get(frame)
        if starts is None:
            lengths = self._footer.lengths[first : self._firsts[frame + 1]]
            starts = self._starts[frame] = list(accumulate(lengths, initial=0))
        entry = self._footer.frames[frame]
        start, stop = starts[place - first], starts[place - first + 1]
        return Location(self._name, entry.offset, entry.stored, start, stop - start, self._footer.kinds[place])


class Index:
    """Finds objects in the live packs. Safe from several threads."""

    def __init__(self, folder: str | None, read_footer: Callable[[PackInfo], Footer]) -> None:
        self._path = os.path.join(folder, "index.sqlite") if folder else None
        self._read_footer = read_footer
        self._lock = threading.RLock()
        self._live: dict[str, PackInfo] = {}
        self._own: dict[str, PackInfo] = {}
        self._names: dict[int, str] = {}
        self._loaded: set[str] = set()
        self._memory: dict[str, _MemoryPack] = {}
        self._in_memory = 0
        self._database: sqlite3.Connection | None = None
        self._in_database: set[int] = set()
        self._unreadable: dict[str, CtxstoreError] = {}
        self._bad: dict[tuple[str, int, int | None], CtxstoreError] = {}
        self.version = 0
        """Counts the changes of the live packs."""

    def refresh(self, packs: Sequence[PackInfo]) -> None:
        """Make `packs`, and those of writers under way, the live ones.

        Their footers are read when something is looked up.
        """
        with self._lock:
            live = {pack.name: pack for pack in packs} | self._own
            if live.keys() == self._live.keys():
                return
            for name in self._memory.keys() - live.keys():
                self._in_memory -= len(self._memory.pop(name).places)
            self._live = live
            self._names = {number_of(name): name for name in live}
            self._loaded &= live.keys()
            self._unreadable = {name: error for name, error in self._unreadable.items() if name in live}
            self._bad = {place: error for place, error in self._bad.items() if place[0] in live}
            self.version += 1

    def add(self, pack: PackInfo, footer: Footer) -> None:
        """Make known a pack a writer of this process just wrote; it is live until `release`."""
        with self._lock:
            self._own[pack.name] = self._live[pack.name] = pack
            self._names[number_of(pack.name)] = pack.name
            self._take(pack, footer)

    def release(self, packs: Iterable[PackInfo], live: Sequence[PackInfo]) -> None:
        """A writer ended: of its packs only those among the `live` ones count from now on."""
        with self._lock:
            for pack in packs:
                self._own.pop(pack.name, None)
            self.refresh(live)

    def find_pack(self, id: bytes) -> str | None:
        """The name of a live pack that holds an object, or None: a pack that can't be read holds nothing."""
        with self._lock:
            self._load_missing()
            for name, pack in self._memory.items():
                if id in pack.places and not (self._bad and self._error_at(pack.location(pack.places[id]))):
                    return name
            return next((place.pack for place in self._find_elsewhere(id) if not self._error_at(place)), None)

    def find(self, id: bytes) -> Location | None:
        """Where an object lies, at no place marked as bad, or None.

        Raises `Corrupt` or `NotFound` if all of its places are bad, or a live pack's footer can't be read.
        """
        with self._lock:
            self._load_missing()
            if not self._bad:  # the way of nearly every look-up, without a generator
                for pack in self._memory.values():
                    if (number := pack.places.get(id)) is not None:
                        return pack.location(number)
            error: CtxstoreError | None = None
            for place in self._places(id):
                if (error := self._error_at(place)) is None:
                    return place
            if error or self._unreadable:
                raise error or next(iter(self._unreadable.values()))
            return None

    def _places(self, id: bytes) -> Iterator[Location]:
        for pack in self._memory.values():
            if (number := pack.places.get(id)) is not None:
                yield pack.location(number)
        yield from self._find_elsewhere(id)

    def mark_bad(self, place: Location, error: CtxstoreError, *, whole_frame: bool) -> None:
        """What lies there is damaged: from now on it counts as not there, so that a writer keeps it once more."""
        with self._lock:
            self._bad[place.pack, place.frame, None if whole_frame else place.start] = error

    def _error_at(self, place: Location) -> CtxstoreError | None:
        if not self._bad:
            return None
        pack, frame, _, start, *_ = place
        return self._bad.get((pack, frame, None)) or self._bad.get((pack, frame, start))

    def _find_elsewhere(self, id: bytes) -> list[Location]:
        if not self._in_database:
            return []
        try:
            return self._find_in_database(id)
        except database_error():
            self.forget_cache()  # the copy went bad under us; start it anew
            self._load_missing()
            return list(self._places(id))

    def _find_in_database(self, id: bytes) -> list[Location]:
        assert self._database is not None
        rows = self._database.execute(
            "SELECT pack, frame, stored, start, length, kind FROM objects WHERE id = ?", (id,)
        ).fetchall()
        known = ((self._names.get(number), number, place) for number, *place in rows if is_place(*place))
        return [Location(name, *place) for name, number, place in known if name and number in self._in_database]

    def _load_missing(self) -> None:
        if len(self._loaded) == len(self._live):
            return
        try:
            self._load()
        except database_error():
            self.forget_cache()
            self._load()

    def _load(self) -> None:
        """Bring in the packs that are live and not known yet."""
        missing = [pack for name, pack in self._live.items() if name not in self._loaded]
        if self._in_memory + sum(pack.objects for pack in missing) > IN_MEMORY:
            self._open_database()
            missing = [pack for pack in missing if pack.name not in self._loaded]
        for pack in sorted(missing, key=lambda pack: pack.objects):
            try:
                footer = self._read_footer(pack)
            except (Corrupt, NotFound) as error:
                # One bad pack hides its own objects only.
                self._unreadable[pack.name] = error
                self._loaded.add(pack.name)
            else:
                self._take(pack, footer)

    def _take(self, pack: PackInfo, footer: Footer) -> None:
        if self._in_memory + pack.objects <= IN_MEMORY:
            self._keep(pack, footer)
        else:
            self._store(pack, footer)
        self._loaded.add(pack.name)

    def _keep(self, pack: PackInfo, footer: Footer) -> None:
        self._memory[pack.name] = _MemoryPack(pack.name, footer)
        self._in_memory += pack.objects

    def _store(self, pack: PackInfo, footer: Footer) -> None:
        number = number_of(pack.name)
        rows = [(id, number, *location[1:]) for id, location in iter_locations(pack.name, footer)]
        rows.sort()
        try:
            with self._open_database() as database:
                database.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
                # Last, so that a pack is listed only when all of its objects are.
                database.execute("INSERT OR IGNORE INTO packs VALUES (?, ?, ?)", (number, pack.name, pack.objects))
        except Exception:
            # A full disk, a busy or damaged database must not fail a snapshot: memory serves this process.
            self._keep(pack, footer)
            return
        self._in_database.add(number)

    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = open_database(self._path)
        known = self._database.execute("SELECT number, name FROM packs").fetchall()
        for number, name in known:
            if self._names.get(number) == name:
                self._in_database.add(number)
                self._loaded.add(name)
        return self._database

    def forget_cache(self) -> None:
        """Drop everything cached, on disk too: what is found next comes from the footers."""
        with self._lock:
            self.close()
            self._memory.clear()
            self._in_memory = 0
            self._unreadable.clear()
            self._bad.clear()
            self._loaded.clear()
            self._in_database.clear()
            if self._path is not None and not remove_database(self._path):
                self._path = None  # it stays, so it is done without

    def compact(self) -> None:
        """Rebuild the database without packs that are gone, when these are most of it."""
        with self._lock:
            if self._path is None or not os.path.exists(self._path):
                return
            try:
                if not is_mostly_dead(self._open_database(), self._names):
                    return
            except database_error():
                pass  # damaged
            self.forget_cache()

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
                self._loaded -= {self._names[n] for n in self._in_database if n in self._names}
                self._in_database.clear()
