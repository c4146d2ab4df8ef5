"""Check: is everything there, and is it what was written?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ctxstore.errors import Corrupt, CtxstoreError, NotFound
from ctxstore.history.engine import Engine
from ctxstore.ids import ID_SIZE, Kind, ObjectId, format_id
from ctxstore.ops.reachable import Broken, Marker
from ctxstore.packs.format import PACK_MAGIC, Footer
from ctxstore.packs.frames import split_frame, unpack_frame
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import read_footer
from ctxstore.progress import SILENT, Progress

ROUNDS = 8
"""Packs that others add meanwhile, or merge those looked at into, are checked too; this often."""


class Problem(NamedTuple):
    """`kind` is pack | object | history; `what` names it; `refs` are the contexts it hits, as far as known."""

    kind: str
    what: str
    message: str
    refs: tuple[str, ...]


class CheckReport(NamedTuple):
    """What was looked at, and what is wrong."""

    problems: tuple[Problem, ...]
    packs: int
    objects: int
    commits: int
    bytes_read: int


def check(engine: Engine, *, read_data: bool = False, progress: Progress = SILENT) -> CheckReport:
    """Verify the structure; with `read_data` every byte of every pack. Raises only if there is no root to go by."""
    run = _Check(engine, progress)
    for _ in range(ROUNDS):
        packs = run.unchecked_packs()
        if not packs:
            break
        run.check_packs(packs, read_data=read_data)
    run.check_reachable()
    return CheckReport(tuple(run.problems), run.packs, run.objects, run.commits, run.bytes_read)


class _Check:
    def __init__(self, engine: Engine, progress: Progress) -> None:
        self._engine = engine
        self._progress = progress
        self._present: set[bytes] = set()
        self._bad: dict[bytes, str] = {}
        self._checked: set[PackInfo] = set()
        self._bad_packs: set[str] = set()
        self.packs = 0
        self.problems: list[Problem] = []
        self.objects = 0
        self.commits = 0
        self.bytes_read = 0

    def unchecked_packs(self) -> list[PackInfo]:
        """The packs that are live now and were not checked."""
        return [pack for pack in self._live_packs() if pack not in self._checked]

    def _live_packs(self) -> tuple[PackInfo, ...]:
        return self._engine.roots.packs(self._engine.root())

    def check_packs(self, packs: Sequence[PackInfo], *, read_data: bool) -> None:
        """Every listed pack: there, whole, its footer sound; its frames too with `read_data`."""
        self._progress.start("check packs", sum(pack.size for pack in packs) if read_data else None)
        try:
            for pack in packs:
                self._check_pack(pack, read_data)
        finally:
            self._progress.done()

    def _check_pack(self, pack: PackInfo, read_data: bool) -> None:
        self._checked.add(pack)
        self.packs += 1
        try:
            size = self._engine.storage.size(pack.key)
            if size != pack.size:
                raise Corrupt(f"it has {size} bytes instead of {pack.size}")
            if self._engine.storage.get(pack.key, 0, len(PACK_MAGIC)) != PACK_MAGIC:
                raise Corrupt("it does not start as a pack does")
            footer = read_footer(self._engine.storage, pack)
        except CtxstoreError as error:
            self._add_pack_problem(pack, pack.name, error.message)
            return
        self.objects += len(footer.lengths)
        self._present.update(footer.ids[i : i + ID_SIZE] for i in range(0, len(footer.ids), ID_SIZE))
        if read_data:
            self._check_frames(pack, footer)

    def _check_frames(self, pack: PackInfo, footer: Footer) -> None:
        at = 0
        for number, frame in enumerate(footer.frames):
            ids = [footer.ids[i * ID_SIZE : (i + 1) * ID_SIZE] for i in range(at, at + frame.objects)]
            at += frame.objects
            try:
                header, raw = unpack_frame(self._engine.storage.get(pack.key, frame.offset, frame.stored))
                found = [self._engine.keys.id_of(kind, data) for kind, data in split_frame(header, raw)]
                if found != ids:
                    raise Corrupt("its objects are not what the footer says")
            except (CtxstoreError, KeyError) as error:
                message = error.message if isinstance(error, CtxstoreError) else "an unknown kind of object"
                what = f"{pack.name} frame {number}"
                if not self._add_pack_problem(pack, what, message):
                    return
                self._bad.update(dict.fromkeys(ids, what))
            self.bytes_read += frame.stored
            self._progress.advance(frame.stored)

    def _add_pack_problem(self, pack: PackInfo, what: str, message: str) -> bool:
        """False for a pack that a writer merged away or gc removed meanwhile: that is none."""
        if pack not in self._live_packs():
            return False
        self._bad_packs.add(pack.name)
        self.problems.append(Problem("pack", what, message, ()))
        return True

    def _is_stored(self, id: bytes) -> bool:
        """Whether a footer that was checked lists an object, or a pack that came after these does."""
        if id in self._present:
            return True
        try:
            location = self._engine.store.index.find(id)
        except CtxstoreError:
            return False
        return location is not None and location.pack not in self._bad_packs

    def check_reachable(self) -> None:
        """Everything refs and ops reach is there and sound; content is looked for, not read."""
        broken: list[Broken] = []
        taken: set[bytes] = set()
        needed_by: dict[bytes, str] = {}

        def take(id: bytes) -> bool:
            before = len(taken)
            taken.add(id)
            return len(taken) > before

        def leaf(id: ObjectId, _: Kind, ref: str) -> None:
            needed_by[id] = ref

        marker = Marker(self._engine, take, leaf=leaf, broken=broken, progress=self._progress)
        self._progress.start("check history (commits)", None)
        try:
            marker.mark(self._engine.root())
        except (Corrupt, NotFound) as error:
            self.problems.append(Problem("history", "root", error.message, ()))
        finally:
            self._progress.done()
        self.commits = marker.commits
        for item in broken:
            what = f"{item.kind.name.lower()} {format_id(item.id, 16)}"
            self.problems.append(Problem("object", what, item.error.message, tuple(sorted(item.refs))))
        for id, ref in needed_by.items():
            if id in self._bad or not self._is_stored(id):
                reason = f"damaged in {self._bad[id]}" if id in self._bad else "missing"
                self.problems.append(Problem("object", f"content {format_id(ObjectId(id), 16)}", reason, (ref,)))
