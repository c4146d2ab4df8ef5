"""The index: finds the pack of each object and the object's location in it.

The packs' footers are authoritative. The index is a copy that may be deleted at any time. It keeps small packs'
footers in memory and those of other packs in SQLite. So a program that commits every second writes no database,
and a program that opens a large repository does not read all footers.

A false "the object exists" would lose data, because a writer would not store the object. So a row is a fact that
cannot become false. It names its pack by 63 random bits of the pack's name, and counts only while that pack is live.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ctxstore.errors import Corrupt, CtxstoreError, NotFound
from ctxstore.forks import GUARD
from ctxstore.packs.format import Footer
from ctxstore.packs.index_database import database_error, drop_database, is_location, is_mostly_dead, open_database
from ctxstore.packs.location import Location, MemoryPack, iter_locations
from ctxstore.packs.names import PackInfo, number_of

if TYPE_CHECKING:
    import sqlite3

IN_MEMORY = 1 << 15
"""The most objects that are kept in memory. Packs with the fewest objects come first.

Loading an object into memory takes 0.2 µs. SQLite takes 3 µs to insert one and 25 µs to look one up.
"""


class Index:
    """Finds objects in the live packs: those the root lists, and those this process just wrote. Thread-safe."""

    def __init__(self, folder: str | None, read_footer: Callable[[PackInfo], Footer]) -> None:
        self._path = os.path.join(folder, "index.sqlite") if folder else None
        self._read_footer = read_footer
        self.version = 0
        """The number of changes so far to the set of live packs."""
        self._parents_databases: list[sqlite3.Connection | None] = []
        self._clear()

    def _clear(self) -> None:
        self._lock = threading.RLock()
        self._live: dict[str, PackInfo] = {}
        self._own: dict[str, PackInfo] = {}
        self._names: dict[int, str] = {}
        self._loaded: set[str] = set()
        self._memory: dict[str, MemoryPack] = {}
        self._in_memory = 0
        self._database: sqlite3.Connection | None = None
        self._in_database: set[int] = set()
        self._unreadable: dict[str, CtxstoreError] = {}
        self._bad: dict[tuple[str, int, int | None], CtxstoreError] = {}

    def reset_after_fork(self) -> None:
        """Starts anew in a forked child, where another thread may have left locks and half-made changes."""
        # Closing the parent's connection could roll its transaction back in the file. So it stays open. It has no lock:
        # `GUARD` lets no thread fork during a statement. SQLite in the child would wait for such a lock for ever.
        self._parents_databases.append(self._database)
        self._clear()
        self.version += 1

    def refresh(self, packs: Sequence[PackInfo]) -> None:
        """Makes `packs` the live packs, besides those added and not yet released. The next lookup reads footers."""
        with self._lock:
            live = {pack.name: pack for pack in packs} | self._own
            if live.keys() == self._live.keys():
                return
            names = {number_of(name): name for name in live}
            memory = {name: pack for name, pack in self._memory.items() if name in live}
            in_memory = sum(len(pack.positions) for pack in memory.values())
            loaded = self._loaded & live.keys()
            unreadable = {name: error for name, error in self._unreadable.items() if name in live}
            bad = {at: error for at, error in self._bad.items() if at[0] in live}
            # Without a call in between, so that no signal handler can raise after some of these assignments.
            self._live = live
            self._names = names
            self._memory = memory
            self._in_memory = in_memory
            self._loaded = loaded
            self._unreadable = unreadable
            self._bad = bad
            self.version += 1

    def add(self, pack: PackInfo, footer: Footer) -> None:
        """Adds a pack that a writer of this process just wrote. The pack is live until `release`."""
        with self._lock:
            self._own[pack.name] = self._live[pack.name] = pack
            self._names[number_of(pack.name)] = pack.name
            self._load_footer(pack, footer)

    def release(self, packs: Iterable[PackInfo], live: Sequence[PackInfo]) -> None:
        """Ends the special status of a writer's packs: from now on they count only if `live` contains them."""
        with self._lock:
            for pack in packs:
                self._own.pop(pack.name, None)
            self.refresh(live)

    def release_all_but(self, names: Collection[str], live: Sequence[PackInfo]) -> None:
        """Releases the packs of writers, except those with these names."""
        with self._lock:
            if leftovers := [pack for name, pack in self._own.items() if name not in names]:
                self.release(leftovers, live)

    def find_pack(self, id: bytes) -> str | None:
        """Returns the name of a live pack that has the object, or None. Ignores unreadable packs and bad objects."""
        with self._lock:
            self._load_missing()
            for name, pack in self._memory.items():
                if id in pack.positions and not (self._bad and self._error_at(pack.location(pack.positions[id]))):
                    return name
            return next((found.pack for found in self._search_database(id) if not self._error_at(found)), None)

    def find(self, id: bytes) -> Location | None:
        """Returns an undamaged location of an object, or None if no live pack contains the object.

        Raises `Corrupt` or `NotFound` if all its locations are marked as bad, or if it is not found and a footer is
        unreadable: then the object may exist.
        """
        with self._lock:
            self._load_missing()
            if not self._bad:  # nearly every lookup ends here, without the cost of a generator
                for pack in self._memory.values():
                    if (position := pack.positions.get(id)) is not None:
                        return pack.location(position)
            error: CtxstoreError | None = None
            for location in self._locations(id):
                if (error := self._error_at(location)) is None:
                    return location
            if error or self._unreadable:
                raise error or next(iter(self._unreadable.values()))
            return None

    def _locations(self, id: bytes) -> Iterator[Location]:
        for pack in self._memory.values():
            if (position := pack.positions.get(id)) is not None:
                yield pack.location(position)
        yield from self._search_database(id)

    def mark_bad(self, location: Location, error: CtxstoreError, *, whole_frame: bool) -> None:
        """Marks an object, or its whole frame, as damaged. Lookups then skip it, so that a writer stores it again."""
        with self._lock:
            self._bad[location.pack, location.frame, None if whole_frame else location.start] = error

    def _error_at(self, location: Location) -> CtxstoreError | None:
        if not self._bad:
            return None
        pack, frame, start = location.pack, location.frame, location.start
        return self._bad.get((pack, frame, None)) or self._bad.get((pack, frame, start))

    def _search_database(self, id: bytes) -> list[Location]:
        if not self._in_database:
            return []
        try:
            return self._query_database(id)
        except database_error():
            self.forget_cache()  # the database became damaged: rebuild it from the footers
            self._load_missing()
            return list(self._locations(id))

    def _query_database(self, id: bytes) -> list[Location]:
        assert self._database is not None
        with GUARD:
            rows = self._database.execute(
                "SELECT pack, frame, stored, start, length, kind FROM objects WHERE id = ?", (id,)
            ).fetchall()
        known = ((self._names.get(number), number, span) for number, *span in rows if is_location(*span))
        return [Location(name, *span) for name, number, span in known if name and number in self._in_database]

    def _load_missing(self) -> None:
        if len(self._loaded) == len(self._live):
            return
        try:
            self._load()
        except database_error():
            self.forget_cache()
            self._load()

    def _load(self) -> None:
        """Loads the live packs that are not loaded yet: from the database if it contains them, else from footers."""
        missing = [pack for name, pack in self._live.items() if name not in self._loaded]
        if self._in_memory + sum(pack.objects for pack in missing) > IN_MEMORY:
            self._open_database()
            missing = [pack for pack in missing if pack.name not in self._loaded]
        for pack in sorted(missing, key=lambda pack: pack.objects):
            try:
                footer = self._read_footer(pack)
            except (Corrupt, NotFound) as error:
                # An unreadable pack hides only its own objects.
                self._unreadable[pack.name] = error
                self._loaded.add(pack.name)
            else:
                self._load_footer(pack, footer)

    def _load_footer(self, pack: PackInfo, footer: Footer) -> None:
        if self._in_memory + pack.objects <= IN_MEMORY:
            self._keep_in_memory(pack, footer)
        else:
            self._store_in_database(pack, footer)
        self._loaded.add(pack.name)

    def _keep_in_memory(self, pack: PackInfo, footer: Footer) -> None:
        self._memory[pack.name] = MemoryPack(pack.name, footer)
        self._in_memory += pack.objects

    def _store_in_database(self, pack: PackInfo, footer: Footer) -> None:
        number = number_of(pack.name)
        rows = [(id, number, *span) for id, (_, *span) in iter_locations(pack.name, footer)]
        rows.sort()
        try:
            with GUARD, self._open_database() as database:
                database.executemany("INSERT OR IGNORE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
                # Inserted last, so that the table lists a pack only if it contains all of the pack's objects.
                database.execute("INSERT OR IGNORE INTO packs VALUES (?, ?, ?)", (number, pack.name, pack.objects))
        except Exception:
            # A full disk or a busy or damaged database must not fail a snapshot: this process keeps the pack in memory.
            self._keep_in_memory(pack, footer)
            return
        self._in_database.add(number)

    def _open_database(self) -> sqlite3.Connection:
        with GUARD:
            if self._database is None:
                self._database = open_database(self._path)
            known = self._database.execute("SELECT number, name FROM packs").fetchall()
        for number, name in known:
            if self._names.get(number) == name:
                self._in_database.add(number)
                self._loaded.add(name)
        return self._database

    def forget_cache(self) -> None:
        """Drops everything cached, the database file included. The next lookup reads the footers again."""
        with self._lock:
            self.close()
            self._memory.clear()
            self._in_memory = 0
            self._unreadable.clear()
            self._bad.clear()
            self._loaded.clear()
            self._in_database.clear()
            if self._path is not None and not drop_database(self._path):
                self._path = None  # the file cannot be removed, so this index no longer uses it

    def compact(self) -> None:
        """Rebuilds the database if more than half of its objects belong to packs that are no longer live."""
        with self._lock:
            if self._path is None or not os.path.exists(self._path):
                return
            try:
                with GUARD:
                    if not is_mostly_dead(self._open_database(), self._names):
                        return
            except database_error():
                pass  # damaged: rebuild it too
            self.forget_cache()

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
                self._loaded -= {self._names[n] for n in self._in_database if n in self._names}
                self._in_database.clear()
