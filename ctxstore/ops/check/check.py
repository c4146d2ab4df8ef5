"""The check of a repository: whether every needed object exists and is unchanged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ctxstore.errors import Corrupt, CtxstoreError, NotFound
from ctxstore.history.engine import Engine
from ctxstore.history.root import RepositoryState
from ctxstore.ids import ID_SIZE, Kind, ObjectId, format_id
from ctxstore.ops.check.impact import CAP, DamagedPlace, Impact, trace
from ctxstore.ops.check.subset import Subset
from ctxstore.ops.gc.id_set import IdSet
from ctxstore.ops.gc.reachability import Marker, UnreadableObject
from ctxstore.ops.gc.sweep import iter_litter
from ctxstore.packs.format import PACK_MAGIC, Footer, FrameEntry
from ctxstore.packs.frames import split_frame, unpack_frame
from ctxstore.packs.location import Location
from ctxstore.packs.names import PackInfo
from ctxstore.packs.reader import read_footer
from ctxstore.progress import SILENT, Progress

ROUNDS = 8
"""Other processes may add packs during a check, or merge packs already checked. New packs are checked up to this often.
"""


class CheckProblem(NamedTuple):
    """A problem, and the contexts, commits and files that it affects, as far as known.

    - `kind`: pack, object or history.
    - `what`: the name of the damaged part.
    - `refs`: the affected contexts.
    - `commits`: the first `impact.CAP` of `commit_count` affected commits.
    - `places`: pairs (context, place in its tree). `more_places` is True if the list is incomplete.
    """

    kind: str
    what: str
    message: str
    refs: tuple[str, ...]
    commits: tuple[ObjectId, ...] = ()
    commit_count: int = 0
    places: tuple[tuple[str, DamagedPlace], ...] = ()
    more_places: bool = False


class CheckReport(NamedTuple):
    """The result of a check.

    `packs`, `objects` and `commits` are numbers of checked items. `leftover` counts files that no root lists. They are
    no problem, because gc deletes them.
    """

    problems: tuple[CheckProblem, ...]
    packs: int
    objects: int
    commits: int
    bytes_read: int
    leftover: int


def check_repository(
    engine: Engine, *, read_data: bool = False, subset: Subset | None = None, progress: Progress = SILENT
) -> CheckReport:
    """Verifies packs, commits, trees and maps. With `read_data` the bytes of every pack, or of a `subset`, are verified
    too.

    Problems are reported, not raised. Only an unreadable root raises.
    """
    run = _CheckRun(engine, read_data, subset, progress)
    for _ in range(ROUNDS):
        packs = run.unchecked_packs()
        if not packs:
            break
        run.check_packs(packs)
    run.check_reachable()
    leftover = sum(1 for _ in iter_litter(engine, engine.root()))
    return CheckReport(tuple(run.problems), run.packs, run.objects, run.commits, run.bytes_read, leftover)


class _CheckRun:
    """A run of a check, and the results so far."""

    def __init__(self, engine: Engine, read_data: bool, subset: Subset | None, progress: Progress) -> None:
        self._engine = engine
        self._read_data = read_data
        self._subset = subset
        self._progress = progress
        self._intact = IdSet()
        self._damaged: dict[bytes, str] = {}
        self._missing: dict[bytes, None] = {}
        self._added_later: set[bytes] = set()
        self._checked: set[PackInfo] = set()
        self.packs = 0
        self.problems: list[CheckProblem] = []
        self.objects = 0
        self.commits = 0
        self.bytes_read = 0

    def unchecked_packs(self) -> list[PackInfo]:
        """Returns the live packs that were not checked yet."""
        return [pack for pack in self._live_packs() if pack not in self._checked]

    def _live_packs(self) -> tuple[PackInfo, ...]:
        """Returns the packs that the root lists now."""
        return self._engine.roots.packs(self._engine.root())

    def check_packs(self, packs: Sequence[PackInfo]) -> None:
        """Checks that packs exist with their listed size and a valid footer, and reads the frames of the selected
        packs."""
        read = {pack.name for pack in packs} if self._read_data else set()
        if self._subset is not None:
            read &= self._subset.choose(packs, self._engine.environment.random)
        self._progress.start("check packs", sum(pack.size for pack in packs if pack.name in read) or None)
        try:
            for pack in packs:
                self._check_pack(pack, pack.name in read)
        finally:
            self._progress.done()

    def _check_pack(self, pack: PackInfo, read_data: bool) -> None:
        """Checks one pack, and records which of its objects are intact."""
        self._checked.add(pack)
        self.packs += 1
        try:
            size = self._engine.storage.size(pack.key)
            if size != pack.size:
                raise Corrupt(f"its size is {size} bytes, not {pack.size}")
            if self._engine.storage.get(pack.key, 0, len(PACK_MAGIC)) != PACK_MAGIC:
                raise Corrupt("it does not start with the header of a pack")
            footer = read_footer(self._engine.storage, pack)
        except CtxstoreError as error:
            self._add_pack_problem(pack, pack.name, _reason(error))
            return
        self.objects += len(footer.lengths)
        if read_data:
            self._check_frames(pack, footer)
        else:
            self._intact.add_all(footer.ids)

    def _check_frames(self, pack: PackInfo, footer: Footer) -> None:
        """Reads and verifies every frame of a pack."""
        start = 0
        for number, frame in enumerate(footer.frames):
            ids = footer.ids[start * ID_SIZE : (start + frame.objects) * ID_SIZE]
            start += frame.objects
            try:
                self._check_frame(pack, frame, ids)
            except CtxstoreError as error:
                what = f"{pack.name} frame {number}"
                if not self._add_pack_problem(pack, what, error.message):
                    return
                if isinstance(error, Corrupt):  # a failed read may succeed next time
                    # A writer in this process then stores these objects again, instead of relying on the damaged copy.
                    place = Location(pack.name, frame.offset, frame.stored, 0, 0, 0)
                    self._engine.store.index.mark_bad(place, error, whole_frame=True)
                self._damaged.update((ids[i : i + ID_SIZE], what) for i in range(0, len(ids), ID_SIZE))
            else:
                self._intact.add_all(ids)
            self.bytes_read += frame.stored
            self._progress.advance(frame.stored)

    def _check_frame(self, pack: PackInfo, frame: FrameEntry, ids: bytes) -> None:
        """Verifies that a frame contains the objects that the footer lists. Raises `Corrupt` if not."""
        header, raw = unpack_frame(self._engine.storage.get(pack.key, frame.offset, frame.stored))
        try:
            found = b"".join(self._engine.keys.id_of(kind, data) for kind, data in split_frame(header, raw))
        except KeyError as error:
            raise Corrupt("it contains an object of an unknown kind") from error
        if found != ids:
            raise Corrupt("its objects differ from those in the footer")

    def _add_pack_problem(self, pack: PackInfo, what: str, message: str) -> bool:
        """Adds a problem and returns True. Returns False if another process has since removed or merged the pack."""
        if pack not in self._live_packs():
            return False
        self.problems.append(CheckProblem("pack", what, message, ()))
        return True

    def _visit(self, id: bytes) -> bool:
        """Whether an object is visited for the first time. Objects that no intact pack contains are recorded as
        missing."""
        is_new = self._intact.mark(id)
        if is_new is not None:
            return is_new
        if id in self._missing or id in self._added_later:
            return False
        if self._is_in_newer_pack(id):
            self._added_later.add(id)
        else:
            self._missing[id] = None
        return True

    def _is_in_newer_pack(self, id: bytes) -> bool:
        """Whether an object is in a pack that was added after the packs were checked."""
        if id in self._damaged:
            return False
        try:
            location = self._engine.store.index.find(id)
        except CtxstoreError:
            return False
        return location is not None and all(location.pack != pack.name for pack in self._checked)

    def check_reachable(self) -> None:
        """Checks that everything reachable from refs and the op log exists. Content is only looked up, not read."""
        unreadable: list[UnreadableObject] = []
        leaves: dict[bytes, str] = {}

        def leaf(id: ObjectId, _: Kind, ref: str) -> None:
            if id in self._missing:
                leaves[id] = ref

        marker = Marker(self._engine, self._visit, leaf=leaf, unreadable=unreadable, progress=self._progress)
        root = self._engine.root()
        self._progress.start("check history (commits)", None)
        try:
            marker.mark(root)
        except (Corrupt, NotFound) as error:
            self.problems.append(CheckProblem("history", "root", error.message, ()))
        finally:
            self._progress.done()
        self.commits = marker.commits
        reasons = {id: f"damaged in {self._damaged[id]}" if id in self._damaged else "missing" for id in leaves}
        self.problems += object_problems(self._engine, root, unreadable, leaves, reasons)


def object_problems(
    engine: Engine,
    root: RepositoryState,
    unreadable: Sequence[UnreadableObject],
    content: Mapping[bytes, str],
    reasons: Mapping[bytes, str],
) -> Iterator[CheckProblem]:
    """Yields a problem for each unreadable commit, tree or map, and for each damaged or missing chunk or record.

    `content` maps the ids of chunks and records to a context that needs them. `reasons` maps them to the error.
    """
    impacts = trace(engine, root, content.__contains__) if unreadable or content else {}
    for item in unreadable:
        what = f"{item.kind.name.lower()} {format_id(item.id, 16)}"
        yield _object_problem(what, _reason(item.error), item.refs, impacts.get(item.id))
    for id, ref in content.items():
        yield _object_problem(f"content {format_id(id, 16)}", reasons[id], {ref}, impacts.get(id))


def _reason(error: CtxstoreError) -> str:
    """Returns the message for an error."""
    return "missing" if isinstance(error, NotFound) else error.message


def _object_problem(what: str, message: str, refs: set[str], impact: Impact | None) -> CheckProblem:
    """Returns a problem with everything that the damaged object affects."""
    if impact is None:
        return CheckProblem("object", what, message, tuple(sorted(refs)))
    return CheckProblem(
        "object",
        what,
        message,
        tuple(sorted(impact.refs)),
        tuple(impact.commits[:CAP]),
        impact.commit_count,
        tuple(impact.places),
        impact.more_places,
    )
