"""The marking of live objects, and its update when other processes write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from ctxstore.history.engine import Engine
from ctxstore.history.root import RepositoryState
from ctxstore.ops.gc.id_set import MARKED_LATER, IdSet
from ctxstore.ops.gc.reachability import Marker
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import read_footer
from ctxstore.progress import SILENT, Progress


class Liveness(NamedTuple):
    """The use of one pack: live bytes and all bytes (uncompressed), live objects and dead objects."""

    live_bytes: int
    all_bytes: int
    live: int
    dead: int


class Order:
    """The order in which objects compress best: content by context and time, then commits, trees and maps."""

    def __init__(self) -> None:
        self._content: list[bytes] = []
        self._structure: list[bytes] = []

    def on_object(self, id: bytes) -> None:
        """Records an object that was visited for the first time."""
        self._structure.append(id)

    def on_leaf(self, id: bytes, *_: object) -> None:
        """Records that the last visited object is content."""
        assert self._structure.pop() == id
        self._content.append(id)

    def __iter__(self) -> Iterator[bytes]:
        return chain(self._content, self._structure)


class Marking:
    """The objects that are reachable from `root`, according to the footers of its packs. No cache is used."""

    def __init__(
        self, engine: Engine, root: RepositoryState, *, order: Order | None = None, progress: Progress = SILENT
    ) -> None:
        self._engine = engine
        self._order = order
        self._progress = progress
        self.root = root
        packs = engine.roots.packs(root)
        self._known = {pack.name for pack in packs}
        self._ids = IdSet(sum(pack.objects for pack in packs))
        self._add(packs)
        self._mark()

    def _add(self, packs: Iterable[PackInfo]) -> None:
        """Adds the objects of some packs."""
        for pack in packs:
            self._ids.add_all(read_footer(self._engine.storage, pack).ids)

    def _mark(self) -> None:
        """Marks everything reachable from the root."""
        leaf = self._order.on_leaf if self._order else None
        self._progress.start("mark (commits)", None)
        try:
            Marker(self._engine, self._visit, leaf=leaf, progress=self._progress).mark(self.root)
        finally:
            self._progress.done()

    def _visit(self, id: bytes) -> bool:
        """Marks an object. Returns True if it was not marked before."""
        # An object that no pack contains counts as new: reading it reports that it is missing.
        is_new = self._ids.mark(id) is not False
        if is_new and self._order is not None:
            self._order.on_object(id)
        return is_new

    def mark_additions(self, root: RepositoryState) -> bool:
        """Marks everything that a newer root reaches in addition. The cost depends only on the additions.

        Returns False if commits were forgotten or restored since: then a new marking is needed. `is_revived` reports
        whether objects that were dead are now live.
        """
        if root.forgotten != self.root.forgotten:
            return False
        added = [pack for pack in self._engine.roots.packs(root) if pack.name not in self._known]
        self._known.update(pack.name for pack in added)
        self._ids.begin_second_marking()
        self._add(added)
        self.root = root
        self._mark()
        return True

    def is_revived(self, packs: Sequence[PackInfo]) -> bool:
        """Whether one of these packs, known from the start, contains an object that was dead at first and is live now.

        Raises `NotFound` if a pack no longer exists.
        """
        return any(MARKED_LATER in self._ids.marks(read_footer(self._engine.storage, pack).ids) for pack in packs)

    def marks(self, ids: bytes) -> bytes:
        """Returns one byte for each of the concatenated ids. It is not 0 if the object is live."""
        return self._ids.marks(ids)

    def liveness(self, pack: PackInfo) -> Liveness:
        """Returns the use of a pack. Raises `Corrupt` or `NotFound`."""
        footer = read_footer(self._engine.storage, pack)
        marks = self._ids.marks(footer.ids)
        dead = marks.count(0)
        all_bytes = sum(footer.lengths)
        if not dead:
            return Liveness(all_bytes, all_bytes, len(marks), 0)
        live_bytes = sum(length for length, mark in zip(footer.lengths, marks, strict=True) if mark)
        return Liveness(live_bytes, all_bytes, len(marks) - dead, dead)
