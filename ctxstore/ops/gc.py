"""Garbage collection: mark exactly, rewrite sparse packs, drop dead ones, sweep litter. docs/format/protocol.md."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from ctxstore.errors import NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.root import Root, advanced
from ctxstore.history.transaction import MustRestart
from ctxstore.ids import ID_SIZE
from ctxstore.ops.reachable import Marker
from ctxstore.packs.compact import copy_objects
from ctxstore.packs.format import Footer, is_data_kind
from ctxstore.packs.frames import ORDINARY, RECOMPRESS
from ctxstore.packs.names import PackInfo, epoch_of
from ctxstore.packs.reader import FrameReader, read_footer
from ctxstore.packs.writer import NewPack, PackWriter
from ctxstore.progress import SILENT, Progress
from ctxstore.storage.protocol import Presence, SwapLost

SPARSE = 0.75
"""A pack with a smaller share of live bytes than this is rewritten."""

SWEEP_LAG = 2
"""Files of this many epochs ago that no root lists belong to no writer that could still publish them."""

_TRIES = 16


class GcResult(NamedTuple):
    """What was freed: bytes in the repository before and after; `freed_later` waits, and `reason` says for what."""

    bytes_before: int
    bytes_after: int
    freed_now: int
    freed_later: int
    reason: str


class GcPlan:
    """What a collection would do, as of the root it was made from. Nothing is written before `execute`."""

    def __init__(self, engine: Engine, root: Root, *, recompress: bool, progress: Progress) -> None:
        self._engine = engine
        self._root = root
        self._recompress = recompress
        self._marker = Marker(engine, progress=progress)
        progress.start("mark (commits)", None)
        try:
            self._live = self._marker.mark(root)
        finally:
            progress.done()
        packs = engine.roots.packs(root)
        self._footers = {pack: read_footer(engine.storage, pack) for pack in packs}
        self._choose(packs)
        litter = list(_iter_litter(engine, root))
        self.litter = tuple(stored.key for stored in litter)
        self.frees += sum(stored.size for stored in litter)
        self.bytes_before = _stored_bytes(engine)

    def _choose(self, packs: tuple[PackInfo, ...]) -> None:
        remove, rewrite, dead, freed = [], [], 0, 0.0
        for pack in packs:
            live_bytes, all_bytes, dead_objects = self._liveness(self._footers[pack])
            dead += dead_objects
            if live_bytes == 0:
                remove.append(pack)
                freed += pack.size
            elif self._recompress or live_bytes < all_bytes * SPARSE:
                rewrite.append(pack)
                freed += pack.size * (1 - live_bytes / all_bytes)
        self._remove, self._rewrite = remove, rewrite
        self.remove = tuple(pack.name for pack in remove)
        self.rewrite = tuple(pack.name for pack in rewrite)
        self.live = sum(len(footer.lengths) for footer in self._footers.values()) - dead
        self.dead = dead
        self.frees = int(freed)

    def _liveness(self, footer: Footer) -> tuple[int, int, int]:
        live = dead = total = 0
        for i, length in enumerate(footer.lengths):
            total += length
            if footer.ids[i * ID_SIZE : (i + 1) * ID_SIZE] in self._live:
                live += length
            else:
                dead += 1
        # Empty objects keep a pack alive too.
        return live or (1 if dead < len(footer.lengths) else 0), total or 1, dead

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not (self._remove or self._rewrite or self.litter)

    def execute(self, progress: Progress = SILENT) -> GcResult:
        """Carry it out. Raises `MustRestart` when the repository moved on and the plan has to be made anew."""
        engine = self._engine
        with engine.writing, engine.storage.presence() as presence:
            self._sweep(presence)  # first, because a full disk has no room for what follows
            presence.share()  # what follows may take long, and must keep nobody waiting
            try:
                made = self._write_packs(progress) if self._rewrite else []
            except NotFound:
                if engine.root() == self._root:
                    raise
                raise MustRestart from None  # a writer merged packs away before this one was present
            try:
                if self._remove or self._rewrite:
                    self._swap([pack.info for pack in made])
            finally:
                engine.store.index.release([pack.info for pack in made], engine.live_packs())
            later, reason = self._sweep(presence)
            engine.store.index.compact()
        after = _stored_bytes(engine)
        return GcResult(self.bytes_before, after, max(0, self.bytes_before - after), later, reason)

    def _write_packs(self, progress: Progress) -> list[NewPack]:
        index = self._engine.store.index
        packer = PackWriter(
            self._engine.storage,
            self._root.epoch,
            settings=RECOMPRESS if self._recompress else ORDINARY,
            random=self._engine.environment.random,
            on_pack=lambda pack: index.add(pack.info, pack.footer),
        )
        progress.start("rewrite", sum(pack.raw for pack in self._rewrite))
        try:
            if self._recompress:
                self._copy_in_order(packer, progress)
            else:
                self._copy_packs(packer, progress)
            return packer.flush()
        finally:
            packer.close()
            progress.done()

    def _copy_packs(self, packer: PackWriter, progress: Progress) -> None:
        seen: set[bytes] = set()
        for pack in self._rewrite:
            copy_objects(self._engine.storage, pack, self._footers[pack], packer, seen, self._live)
            progress.advance(pack.raw)

    def _copy_in_order(self, packer: PackWriter, progress: Progress) -> None:
        """Content by context and time, so that what resembles each other shares a frame; then structure.

        The index says where to look, and is only a copy: what it does not find, or finds wrong, is copied by the
        packs' own footers afterwards.
        """
        left = {id for footer in self._rewritten_footers() for id in _iter_ids(footer) if id in self._live}
        rewritten = {pack.name for pack in self._rewrite}
        frames = FrameReader(self._engine.storage, capacity=12 << 20)
        find, id_of = self._engine.store.index.find, self._engine.keys.id_of
        structure = (id for id in self._live if id not in self._marker.needed_by)
        for id in chain(self._marker.order, structure):
            location = find(id) if id in left else None
            if location is None or location.pack not in rewritten:
                continue
            raw = memoryview(frames.raw(location.pack, location.frame, location.stored))
            data = raw[location.start : location.start + location.length]
            if id_of(location.kind, data) == id:
                packer.add(location.kind, id, data, is_data_kind(location.kind))
                left.discard(id)
            progress.advance(location.length)
        seen: set[bytes] = set()
        for pack in self._rewrite if left else ():
            copy_objects(self._engine.storage, pack, self._footers[pack], packer, seen, left)

    def _rewritten_footers(self) -> Iterator[Footer]:
        return (self._footers[pack] for pack in self._rewrite)

    def _swap(self, made: list[PackInfo]) -> None:
        """Take the old packs out of the root, which must still be the one that was marked.

        A writer that swapped in between may rely on what was found dead here, so nothing less will do.
        """
        engine = self._engine
        root, data = engine.load()
        if root != self._root:
            raise MustRestart
        gone = {pack.name for pack in (*self._remove, *self._rewrite)}
        kept = [pack for pack in engine.roots.packs(root) if pack.name not in gone]
        environment = engine.environment
        new = engine.roots.with_packs(advanced(root, environment.clock()), [*kept, *made], environment.random)
        try:
            engine.adopt(new, engine.roots.swap(data, new))
        except SwapLost:
            raise MustRestart from None

    def _sweep(self, presence: Presence) -> tuple[int, str]:
        """Delete what no root lists, as far as that is safe: (bytes left for later, why)."""
        engine = self._engine
        alone = presence.alone()
        root = engine.root()
        # The root may be one that a crash takes back, if its writer was killed before it was durable.
        engine.storage.settle()
        later = 0
        for stored in _iter_litter(engine, root):
            epoch = epoch_of(stored.key.partition("/")[2])
            if alone or (epoch is not None and epoch <= root.epoch - SWEEP_LAG):
                engine.storage.delete(stored.key)
            else:
                later += stored.size
        return later, "another writer is at work; a later gc frees the rest" if later else ""


def plan_gc(engine: Engine, *, recompress: bool = False, progress: Progress = SILENT) -> GcPlan:
    """Mark what is reachable and choose what to rewrite and remove. Raises `Corrupt` if something can't be followed."""
    for _ in range(_TRIES):
        root = engine.root()
        try:
            return GcPlan(engine, root, recompress=recompress, progress=progress)
        except NotFound:
            if engine.root() == root:
                raise
            # Else a writer merged packs away meanwhile; what it made of them is in the new root.
    raise MustRestart


def collect(engine: Engine, *, recompress: bool = False, progress: Progress = SILENT) -> GcResult:
    """Plan and execute, anew when others wrote in between. Raises `MustRestart` if they never pause."""
    for _ in range(_TRIES):
        try:
            return plan_gc(engine, recompress=recompress, progress=progress).execute(progress)
        except MustRestart:
            continue
    raise MustRestart


class _Litter(NamedTuple):
    key: str
    size: int


def _iter_litter(engine: Engine, root: Root) -> Iterator[_Litter]:
    """Packs and manifests that the root does not list. Other files are somebody's, and left alone."""
    listed = {pack.key for pack in engine.roots.packs(root)} | {f"manifests/{root.manifest}"}
    for folder in ("packs", "manifests"):
        try:
            found = list(engine.storage.list(folder))
        except NotFound:
            continue
        yield from (_Litter(*stored) for stored in found if stored.key not in listed and _is_ours(stored.key))


def _iter_ids(footer: Footer) -> Iterator[bytes]:
    return (footer.ids[i : i + ID_SIZE] for i in range(0, len(footer.ids), ID_SIZE))


def _is_ours(key: str) -> bool:
    return epoch_of(key.partition("/")[2]) is not None


def _stored_bytes(engine: Engine) -> int:
    return sum(stored.size for folder in ("packs", "manifests") for stored in engine.storage.list(folder))
