"""Which objects of the live packs are in use, and how that changes while others write."""

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
    """Of one pack: raw bytes in use and all of them, objects in use and not."""

    live_bytes: int
    all_bytes: int
    live: int
    dead: int


class Order:
    """The order in which what is in use compresses best: content by context and time, then structure."""

    def __init__(self) -> None:
        self._content: list[bytes] = []
        self._structure: list[bytes] = []

    def on_object(self, id: bytes) -> None:
        """An object is met for the first time."""
        self._structure.append(id)

    def on_leaf(self, id: bytes, *_: object) -> None:
        """The object met last is content."""
        assert self._structure.pop() == id
        self._content.append(id)

    def __iter__(self) -> Iterator[bytes]:
        return chain(self._content, self._structure)


class Marking:
    """What `root` reaches, by the footers of its packs: no cache is believed."""

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
        for pack in packs:
            self._ids.add_all(read_footer(self._engine.storage, pack).ids)

    def _mark(self) -> None:
        leaf = self._order.on_leaf if self._order else None
        self._progress.start("mark (commits)", None)
        try:
            Marker(self._engine, self._visit, leaf=leaf, progress=self._progress).mark(self.root)
        finally:
            self._progress.done()

    def _visit(self, id: bytes) -> bool:
        # What no pack holds is missing: following it says so.
        is_new = self._ids.mark(id) is not False
        if is_new and self._order is not None:
            self._order.on_object(id)
        return is_new

    def mark_additions(self, root: RepositoryState) -> bool:
        """Mark what `root` reaches besides; False if commits were forgotten or came back meanwhile: then start anew.

        Costs what was added since. `revived` tells of what was dead until now.
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
        """Whether one of these packs, known from the start, holds an object that was dead at first and is not now.

        Raises `NotFound` if one is gone.
        """
        return any(MARKED_LATER in self._ids.marks(read_footer(self._engine.storage, pack).ids) for pack in packs)

    def marks(self, ids: bytes) -> bytes:
        """For joined ids, a byte each: not 0 if it is in use."""
        return self._ids.marks(ids)

    def liveness(self, pack: PackInfo) -> Liveness:
        """How much of a pack is in use. Raises `Corrupt`, `NotFound`."""
        footer = read_footer(self._engine.storage, pack)
        marks = self._ids.marks(footer.ids)
        dead = marks.count(0)
        all_bytes = sum(footer.lengths)
        if not dead:
            return Liveness(all_bytes, all_bytes, len(marks), 0)
        live_bytes = sum(length for length, mark in zip(footer.lengths, marks, strict=True) if mark)
        return Liveness(live_bytes, all_bytes, len(marks) - dead, dead)
