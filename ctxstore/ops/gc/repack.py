"""The rewriting of packs with their live objects, in the present order or in one that compresses better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ctxstore.history.engine import Engine
from ctxstore.ids import ID_SIZE
from ctxstore.ops.gc.id_set import IdSet
from ctxstore.ops.gc.mark import Marking
from ctxstore.packs.compact import copy_objects
from ctxstore.packs.format import is_data_kind
from ctxstore.packs.frames import ORDINARY, RECOMPRESS, Settings
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import FrameReader, read_footer
from ctxstore.packs.writer import PackWriter
from ctxstore.progress import SILENT, Progress


class Rewrite:
    """Copies the live objects of `packs` to new packs.

    The new packs are durable when `run` returns, but nothing refers to them yet.
    """

    def __init__(
        self, engine: Engine, marking: Marking, packs: Sequence[PackInfo], progress: Progress = SILENT
    ) -> None:
        self._engine = engine
        self._marking = marking
        self._packs = packs
        self._progress = progress
        # The live objects of the packs, perhaps millions. An object is marked when it is copied.
        self._copied = IdSet(sum(pack.objects for pack in packs))

    def run(self, order: Iterable[bytes] | None = None) -> list[PackInfo]:
        """Returns the new packs. With `order` these ids are copied first, and everything is compressed harder.

        Raises `Corrupt`, `NotFound` or `StorageError`.
        """
        for pack in self._packs:
            self._copied.add_all(self._live_ids(pack))
        packer = self._open(ORDINARY if order is None else RECOMPRESS)
        self._progress.start("rewrite", sum(pack.raw for pack in self._packs))
        try:
            if order is not None:
                self._copy_in_order(packer, order)
            for pack in self._packs:
                self._copy_rest(packer, pack)
            return packer.flush()
        finally:
            packer.close()
            self._progress.done()

    def _open(self, settings: Settings) -> PackWriter:
        """Opens a writer for the new packs."""
        # The index adds these packs only when a root lists them: until then no writer of this process may rely on them.
        return PackWriter(
            self._engine.storage,
            self._marking.root.epoch,
            settings=settings,
            random=self._engine.environment.random,
        )

    def _copy_rest(self, packer: PackWriter, pack: PackInfo) -> None:
        """Copies the live objects of a pack that were not copied yet."""
        footer = read_footer(self._engine.storage, pack)
        copy_objects(self._engine.storage, pack, footer, packer, self._is_uncopied)
        self._progress.advance(pack.raw)

    def _is_uncopied(self, id: bytes) -> bool:
        """Whether an object is live and not copied yet. It is marked as copied."""
        return self._copied.mark(id) is True

    def _live_ids(self, pack: PackInfo) -> bytes:
        """Returns the concatenated ids of the live objects of a pack."""
        ids = read_footer(self._engine.storage, pack).ids
        marks = self._marking.marks(ids)
        if 0 not in marks:
            return ids
        return b"".join(ids[i * ID_SIZE : (i + 1) * ID_SIZE] for i, mark in enumerate(marks) if mark)

    def _copy_in_order(self, packer: PackWriter, order: Iterable[bytes]) -> None:
        """Copies objects in the given order, located by the index.

        The index is only a copy. Objects that it does not find, or finds in the wrong place, are copied later: they are
        then located by the packs' footers.
        """
        names = {pack.name for pack in self._packs}
        frames = FrameReader(self._engine.storage, capacity=12 << 20)
        find, id_of = self._engine.store.index.find, self._engine.keys.id_of
        for id in order:
            location = find(id)
            if location is None or location.pack not in names:
                continue
            raw = memoryview(frames.raw(location.pack, location.frame, location.stored))
            data = raw[location.start : location.start + location.length]
            if id_of(location.kind, data) == id and self._is_uncopied(id):
                packer.add(location.kind, id, data, is_data_kind(location.kind))
